import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conversationId, eventId } from '../../../shared/contracts/ids.ts';
import { fitsQueue, messagesOf, type QueueMessage, roundsOf } from '../../../shared/domain/queue-packing.ts';
import { ids } from '../../support/records.ts';

const envelope = {
  version: 1,
  type: 'events',
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  conversationId: conversationId.parse(`conv_${'c'.repeat(43)}`),
  receivedAt: '2026-11-22T10:00:00.000Z',
} as const;
const eventOf = (index: number, body: string) => ({
  eventId: eventId.parse(`evt_${String(index).padStart(43, '0')}`),
  kind: 'message' as const,
  customer: { waId: '1', userId: null, groupId: null, name: null },
  field: 'messages',
  alsoKnownAs: null,
  value: { body },
});

test('messages keep every event in order, at most 20 and about 256 KiB together', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(90_000), { maxLength: 70 }), (sizes) => {
      const events = sizes.map((size, index) => eventOf(index, 'x'.repeat(size)));
      const messages = messagesOf(ids.webhook, events, envelope);
      const parsed = messages.map(({ body }) => JSON.parse(body) as { events: typeof events });
      expect(parsed.flatMap((message) => message.events)).toEqual(events);
      for (const [index, message] of parsed.entries()) {
        expect(message.events.length).toBeLessThanOrEqual(20);
        expect(Buffer.byteLength(messages[index]?.body ?? '')).toBeLessThan(260 * 1024);
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

test('a message of exactly the limit fits, one byte more does not', () => {
  const sized = (size: number) => ({ groupId: 'g', deduplicationId: 'd', body: 'x'.repeat(size) });
  expect(fitsQueue(sized(1_000_000))).toBe(true);
  expect(fitsQueue(sized(1_000_001))).toBe(false);
});
