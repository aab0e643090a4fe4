import { describe, expect, test } from 'vitest';
import { eventId, messageId } from '../../../shared/contracts/ids.ts';
import type { QueuedEvent } from '../../../shared/contracts/queued-events.ts';
import { callbackDataOf, callbackDataOfMessage, readMessageMark } from '../../../shared/domain/callback-data.ts';
import { withFailureOfReply } from '../../../shared/domain/message-failure.ts';
import { noteStatus, withOwnMark } from '../../../shared/domain/note-status.ts';
import { ids } from '../../support/records.ts';

const message = messageId.parse(`msg_${'m'.repeat(43)}`);
const evt = eventId.parse(`evt_${'e'.repeat(43)}`);
const statusEvent = (value: object, kind: QueuedEvent['kind'] = 'status'): QueuedEvent => ({
  eventId: evt,
  kind,
  field: 'messages',
  alsoKnownAs: null,
  customer: { waId: '491511', userId: null, groupId: null, name: null },
  value: {
    id: 'wamid.OUT',
    status: 'sent',
    biz_opaque_callback_data: callbackDataOfMessage(message, 'order 7'),
    ...value,
  },
});

const noted = async (event: QueuedEvent) => {
  const notes: unknown[] = [];
  await noteStatus({ tenantId: ids.tenant }, event, { note: (...note) => Promise.resolve(void notes.push(note)) });
  return notes;
};

describe('the mark of a message', () => {
  test.each([undefined, '', 'order 7', 'a:b:c', 'msg_', 'line\nbreak', 'sb1:evt_x:0'])(
    'keeps what its sender wrote there: %j',
    (own) => {
      const mark = callbackDataOfMessage(message, own);
      expect(readMessageMark(mark)).toEqual({ messageId: message, own: own ?? null });
    },
  );

  test.each([undefined, 7, '', 'order 7', callbackDataOf(evt, 0), 'sb1:msg_short', `msg_${'m'.repeat(43)}`])(
    'is not %j',
    (data) => {
      expect(readMessageMark(data)).toBeUndefined();
    },
  );
});

describe('what Meta reports of a message', () => {
  test.each([
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['played', 'read'],
  ])('%s is written down as %s, for the tenant of the number', async (status, known) => {
    expect(await noted(statusEvent({ status }))).toEqual([
      [message, ids.tenant, { status: known, wamid: 'wamid.OUT', failure: null }],
    ]);
  });

  test('that it failed is written down with the reason', async () => {
    const [note] = await noted(statusEvent({ status: 'failed', errors: [{ code: 131_026 }] }));
    expect(note).toMatchObject([
      message,
      ids.tenant,
      { status: 'failed', failure: { code: 131_026, guidance: expect.stringMatching(/\w/), retry: 'never' } },
    ]);
  });

  test.each<[string, QueuedEvent]>([
    ['of a reply', statusEvent({ biz_opaque_callback_data: callbackDataOf(evt, 0) })],
    ['of what was not ours', statusEvent({ biz_opaque_callback_data: 'order 7' })],
    ['that nobody knows', statusEvent({ status: 'deleted' })],
    ['in a message of a customer', statusEvent({}, 'message')],
  ])('%s is not', async (_what, event) => {
    expect(await noted(event)).toEqual([]);
  });
});

describe('an agent gets a status', () => {
  test('with what its sender wrote there, and not with our mark', () => {
    expect(withOwnMark(statusEvent({})).value).toEqual({
      id: 'wamid.OUT',
      status: 'sent',
      biz_opaque_callback_data: 'order 7',
    });
    const without = statusEvent({ biz_opaque_callback_data: callbackDataOfMessage(message, undefined) });
    expect(withOwnMark(without).value).toEqual({ id: 'wamid.OUT', status: 'sent' });
  });

  test('as it came where it is not of a message of the API', () => {
    for (const event of [statusEvent({ biz_opaque_callback_data: callbackDataOf(evt, 0) }), statusEvent({}, 'message')])
      expect(withOwnMark(event)).toBe(event);
  });

  test('of a failure as an event of its own that names the message', () => {
    const failed = withFailureOfReply(statusEvent({ status: 'failed', errors: [{ code: 131_026 }] }));
    expect(failed).toMatchObject({
      kind: 'failure',
      value: { messageId: message, outcome: 'failed', inReplyTo: null, index: null, meta: { code: 131_026 } },
    });
    expect(withOwnMark(failed)).toBe(failed);
  });
});
