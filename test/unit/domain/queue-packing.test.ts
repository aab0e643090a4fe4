import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conversationId, eventId } from '../../../shared/contracts/ids.ts';
import { type AccountNews, eventsMessage } from '../../../shared/contracts/queued-events.ts';
import { messagesOf, newsMessagesOf, type QueueMessage, roundsOf } from '../../../shared/domain/queue-packing.ts';
import { ids } from '../../support/records.ts';

const envelope = {
  version: 1,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversationId.parse(`conv_${'c'.repeat(43)}`),
  receivedAt: '2026-11-22T10:00:00.000Z',
} as const;
/** At most. */
const envelopeBytes = 400;

const eventOf = (index: number, body: string) => ({
  eventId: eventId.parse(`evt_${String(index).padStart(43, '0')}`),
  kind: 'message' as const,
  customer: { waId: '1', userId: null, groupId: null, name: null },
  field: 'messages',
  alsoKnownAs: null,
  value: { body },
});

const newsEnvelope = {
  version: 1,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  receivedAt: '2026-11-22T10:00:00.000Z',
} as const;
const newsOf = (index: number, decision: string) => ({
  eventId: eventId.parse(`evt_${String(index).padStart(43, '0')}`),
  field: 'account_review_update',
  value: { decision },
  at: null,
});

test('messages keep every event in order, at most 20 and 256 KiB together', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(90_000), { maxLength: 70 }), (sizes) => {
      const events = sizes.map((size, index) => eventOf(index, 'x'.repeat(size)));
      const messages = messagesOf(ids.webhook, events, envelope);
      const parsed = messages.map(({ body }) => JSON.parse(body) as { events: typeof events });
      expect(parsed.flatMap((message) => message.events)).toEqual(events);
      for (const [index, message] of parsed.entries()) {
        expect(message.events.length).toBeLessThanOrEqual(20);
        expect(Buffer.byteLength(messages[index]?.body ?? '')).toBeLessThanOrEqual(256 * 1024 + envelopeBytes);
      }
      expect(new Set(messages.map(({ deduplicationId }) => deduplicationId)).size).toBe(messages.length);
    }),
    { numRuns: 40 },
  );
});

test('batches stay within the limits of SQS, and no round holds two messages of one group', () => {
  const message = fc.record({ group: fc.nat(30), size: fc.integer({ min: 1, max: 300_000 }) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), (wanted) => {
      const conversations = Map.groupBy(
        wanted.map(
          ({ group, size }, index): QueueMessage => ({
            groupId: `g${group}`,
            deduplicationId: `d${index}`,
            body: 'x'.repeat(size),
          }),
        ),
        ({ groupId }) => groupId,
      );
      const rounds = roundsOf([...conversations.values()]);
      for (const round of rounds) {
        const groups = round.flat().map(({ groupId }) => groupId);
        expect(new Set(groups).size).toBe(groups.length);
        for (const batch of round) {
          expect(batch.length).toBeLessThanOrEqual(10);
          expect(batch.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(1_000_000);
        }
      }
      for (const [group, messages] of conversations)
        expect(rounds.flat(2).filter(({ groupId }) => groupId === group)).toEqual(messages);
    }),
    { numRuns: 60 },
  );
});

test('text that SQS can’t carry is escaped and comes back the same', () => {
  const odd = 'a\uffffb\ufffec\u0000d\ud800e\u{1f44b}';
  const [message] = messagesOf(ids.webhook, [eventOf(1, odd)], envelope);
  for (const character of ['\ufffe', '\uffff', '\u0000']) expect(message?.body).not.toContain(character);
  expect(message?.body).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  expect(JSON.parse(message?.body ?? '')).toMatchObject({ events: [{ value: { body: odd } }] });
});

test('every message is of the form that the router reads', () => {
  const messages = messagesOf(
    ids.webhook,
    [eventOf(1, 'a'), eventOf(2, 'x'.repeat(300_000)), eventOf(3, 'b')],
    envelope,
  );
  expect(messages.map(({ body }) => eventsMessage.parse(JSON.parse(body)).type)).toEqual([
    'events',
    'relayed',
    'events',
  ]);
  const { messages: news } = newsMessagesOf(ids.webhook, [newsOf(1, 'a')], newsEnvelope);
  expect(news.map(({ body }) => eventsMessage.parse(JSON.parse(body)).type)).toEqual(['account-news']);
});

describe('an event that is larger than a message', () => {
  const large = eventOf(2, 'x'.repeat(3_000_000));
  const messages = messagesOf(ids.webhook, [eventOf(1, 'a'), large, eventOf(3, 'b')], envelope);

  test('travels by itself, in its place, as a message that says where it lies', () => {
    expect(messages.map(({ groupId }) => groupId)).toEqual(Array(3).fill(messages[0]?.groupId));
    expect(messages.map(({ relayed }) => relayed !== undefined)).toEqual([false, true, false]);
    const pointer = messages[1];
    expect(JSON.parse(pointer?.body ?? '')).toEqual({ ...envelope, type: 'relayed', relayKey: pointer?.relayed?.key });
    expect(JSON.parse(pointer?.relayed?.body ?? '')).toEqual([large]);
  });

  test('lies under a random name, which tells nothing of a customer', () => {
    const keys = [1, 2].map(() => messagesOf(ids.webhook, [large], envelope)[0]?.relayed?.key);
    for (const key of keys) expect(key).toMatch(/^events\/acme\/[\w-]{43}$/);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test('is repeated under the same deduplication id', () => {
    const again = messagesOf(ids.webhook, [large], envelope)[0];
    expect(again?.deduplicationId).toBe(messages[1]?.deduplicationId);
  });

  test.each([
    ['of exactly the limit is sent as it is', 0, false],
    ['of one byte more is not', 1, true],
  ])('%s', (_what, more, isRelayed) => {
    const overhead = Buffer.byteLength(JSON.stringify(eventOf(1, ''))) + 1;
    const [message] = messagesOf(ids.webhook, [eventOf(1, 'x'.repeat(256 * 1024 - overhead + more))], envelope);
    expect(message?.relayed !== undefined).toBe(isRelayed);
  });
});

describe('news of a credential', () => {
  test('stand in a group of their own, in order, at most 20 together', () => {
    const all = Array.from({ length: 45 }, (_, index) => newsOf(index, 'x'));
    const { messages, leftOut } = newsMessagesOf(ids.webhook, all, newsEnvelope);
    expect(leftOut).toBe(0);
    expect(messages.flatMap(({ body }) => (JSON.parse(body) as AccountNews).news)).toEqual(all);
    expect(messages.map(({ body }) => (JSON.parse(body) as AccountNews).news.length)).toEqual([20, 20, 5]);
    const conversation = messagesOf(ids.webhook, [eventOf(1, 'a')], envelope)[0];
    expect(new Set([conversation?.groupId, ...messages.map(({ groupId }) => groupId)]).size).toBe(2);
  });

  test('that no account ever had are left out and counted', () => {
    const { messages, leftOut } = newsMessagesOf(
      ids.webhook,
      [newsOf(1, 'x'.repeat(300_000)), newsOf(2, 'x')],
      newsEnvelope,
    );
    expect(leftOut).toBe(1);
    expect(messages).toHaveLength(1);
  });
});
