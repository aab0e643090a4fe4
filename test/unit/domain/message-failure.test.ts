import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageFailure } from '../../../shared/contracts/agent-event.ts';
import { eventId } from '../../../shared/contracts/ids.ts';
import type { QueuedEvent } from '../../../shared/contracts/queued-events.ts';
import { callbackDataOf, readCallbackData } from '../../../shared/domain/callback-data.ts';
import { withFailureOfReply } from '../../../shared/domain/message-failure.ts';

const answered = eventId.parse(`evt_${'a'.repeat(43)}`);

const statusEvent = (value: Record<string, unknown>, kind: QueuedEvent['kind'] = 'status'): QueuedEvent => ({
  eventId: eventId.parse(`evt_${'s'.repeat(43)}`),
  kind,
  field: 'messages',
  alsoKnownAs: null,
  customer: { waId: '491511', userId: null, groupId: null, name: null },
  value: { id: 'wamid.OUT', recipient_id: '491511', ...value },
});

describe('the mark of our own sends', () => {
  test.each([0, 7, 99] as const)('names the event and which reply to it: %d', (index) => {
    expect(readCallbackData(callbackDataOf(answered, index))).toEqual({ eventId: answered, index });
  });

  test.each(['greeting', 'away'] as const)('names what we said ourselves as no reply: %s', (sent) => {
    expect(readCallbackData(callbackDataOf(answered, sent))).toEqual({ eventId: answered, index: null });
  });

  test.each([undefined, null, 7, {}, ['sb1:'], '', 'sb', `sb2:${answered}:0`, `x sb1:${answered}:0`, 'SB1:'])(
    'is not there: %j',
    (data) => {
      expect(readCallbackData(data)).toBeUndefined();
    },
  );

  test.each<[string, object]>([
    ['sb1:', { eventId: null, index: null }],
    ['sb1:evt_short:3', { eventId: null, index: 3 }],
    [`sb1:${answered}`, { eventId: answered, index: null }],
    [`sb1:${answered}:-1`, { eventId: answered, index: null }],
    [`sb1:${answered}:1e3`, { eventId: answered, index: null }],
    [`sb1:${answered}:100`, { eventId: answered, index: null }],
    [`sb1: ${answered}:1`, { eventId: null, index: 1 }],
    [`sb1:${answered.toUpperCase()}:1`, { eventId: null, index: 1 }],
    [`sb1:${'9'.repeat(100_000)}:${'9'.repeat(100_000)}`, { eventId: null, index: null }],
  ])('was forged by whoever sends through the same number: %.60s', (data, expected) => {
    expect(readCallbackData(data)).toEqual(expected);
  });

  test('whatever follows the prefix is no error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readCallbackData(`sb1:${text}`)).toBeDefined();
      }),
    );
  });
});

describe('a status', () => {
  const failed = {
    status: 'failed',
    biz_opaque_callback_data: callbackDataOf(answered, 1),
    errors: [{ code: 131_047, title: 'Re-engagement message', error_data: { details: 'More than 24 hours' } }],
  };

  test('that says a reply of ours failed is about the failure of that reply, under the same event id', () => {
    const event = statusEvent(failed);
    const { kind, value, ...rest } = withFailureOfReply(event);
    expect(kind).toBe('failure');
    expect(messageFailure.parse(value)).toMatchObject({
      outcome: 'failed',
      wamid: 'wamid.OUT',
      inReplyTo: answered,
      index: 1,
      meta: { code: 131_047, details: 'More than 24 hours' },
      explanation: expect.stringMatching(/24 hours/),
    });
    const { kind: _, value: __, ...before } = event;
    expect(rest).toEqual(before);
  });

  test('that says so of a greeting is about no reply', () => {
    const { value } = withFailureOfReply(
      statusEvent({ ...failed, biz_opaque_callback_data: callbackDataOf(answered, 'greeting') }),
    );
    expect(value).toMatchObject({ outcome: 'failed', inReplyTo: answered, index: null });
  });

  test('whose mark is forged says what Meta says, and names no event of ours', () => {
    const { kind, value } = withFailureOfReply(statusEvent({ ...failed, biz_opaque_callback_data: 'sb1:evt_x:x' }));
    expect(kind).toBe('failure');
    expect(value).toMatchObject({ inReplyTo: null, index: null, meta: { code: 131_047 } });
  });

  test.each(['sent', 'delivered', 'read', 'played', 'FAILED', '', undefined, ['failed']])(
    'that says anything else of a reply of ours stays a status: %j',
    (status) => {
      const event = statusEvent({ ...failed, status });
      expect(withFailureOfReply(event)).toBe(event);
    },
  );

  test.each([undefined, 'theirs', `sb2:${answered}:0`, 7])(
    'of what somebody else sent stays a status, also when it failed: %j',
    (mark) => {
      const event = statusEvent({ ...failed, biz_opaque_callback_data: mark });
      expect(withFailureOfReply(event)).toBe(event);
    },
  );
});

test.each(['message', 'call', 'account', 'echo', 'failure'] as const)(
  'an event of another kind stays what it is, whatever it carries: %s',
  (kind) => {
    const event = statusEvent({ status: 'failed', biz_opaque_callback_data: callbackDataOf(answered, 0) }, kind);
    expect(withFailureOfReply(event)).toBe(event);
  },
);
