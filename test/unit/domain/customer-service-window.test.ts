import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Customer } from '../../../shared/contracts/agent-event.ts';
import { conversationId } from '../../../shared/contracts/ids.ts';
import {
  inboundAt,
  isKnownClosed,
  type KnownRecipient,
  numberNote,
  withInbound,
} from '../../../shared/domain/customer-service-window.ts';

const now = new Date('2026-11-26T10:00:00.000Z');
const minute = 60_000;
const hour = 60 * minute;
const timeAgo = (milliseconds: number): string => new Date(now.getTime() - milliseconds).toISOString();
const silent = { lastInboundAt: null, erasedAt: null };
const user = conversationId.parse(`conv_${'u'.repeat(43)}`);
const alone = { joinedTo: null };
const joined = { joinedTo: user };

/** A number that has delivered for long, and a customer who never wrote. */
const stranger = {
  number: { deliversSince: timeAgo(100 * hour), unnumberedAt: null },
  message: { to: '+49 151 12345678' },
  underNumber: undefined,
  conversations: [],
} as const satisfies KnownRecipient;

/** The same who wrote so long ago. */
const wrote = (ago: number): KnownRecipient => ({
  ...stranger,
  underNumber: alone,
  conversations: [{ ...silent, lastInboundAt: timeAgo(ago) }],
});

describe('the window is known to be closed', () => {
  test.each<[string, KnownRecipient]>([
    ['when nobody with the number ever wrote', stranger],
    ['when the customer wrote more than 25 hours ago', wrote(25 * hour + 1)],
    [
      'when the number has delivered for more than 25 hours',
      { ...stranger, number: { deliversSince: timeAgo(25 * hour + 1), unnumberedAt: null } },
    ],
    [
      'when the customer is known, and has not written since we take notes',
      { ...stranger, underNumber: alone, conversations: [silent] },
    ],
    [
      'when the customer was erased more than 25 hours ago',
      { ...stranger, conversations: [{ ...silent, erasedAt: timeAgo(25 * hour + 1) }] },
    ],
    ['for a customer by user id', { ...stranger, message: { recipient: 'DE.1' } as KnownRecipient['message'] }],
    [
      'for a user id, though others write without a number',
      { ...stranger, message: {}, number: { ...stranger.number, unnumberedAt: timeAgo(0) } },
    ],
    [
      'for a phone number that is joined to a user id, though others write without one',
      {
        ...wrote(26 * hour),
        underNumber: joined,
        number: { ...stranger.number, unnumberedAt: timeAgo(0) },
      },
    ],
    [
      'for a phone number of a country that spells in two ways once it is joined to a user id',
      { ...wrote(26 * hour), underNumber: joined, message: { to: '5215512345678' } },
    ],
    [
      'for a phone number, when somebody wrote without one more than 25 hours ago',
      { ...stranger, number: { ...stranger.number, unnumberedAt: timeAgo(25 * hour + 1) } },
    ],
    [
      'for a customer who wrote from the number as it is given without +',
      { ...wrote(26 * hour), message: { to: '491511' } },
    ],
    ['in a country next to those that spell in two ways', { ...stranger, message: { to: '+56 9 1234 5678' } }],
    ['in another one', { ...stranger, message: { to: '+51 912 345 678' } }],
  ])('%s', (_when, recipient) => {
    expect(isKnownClosed(recipient, now)).toBe(true);
  });
});

describe('Meta is asked', () => {
  test.each<[string, KnownRecipient]>([
    ['when the customer wrote just now', wrote(0)],
    ['when the note is 24 hours old: it may have been written up to an hour before the last message', wrote(24 * hour)],
    ['when the note is a moment more than 24 hours old', wrote(24 * hour + 1)],
    ['when the note is 25 hours old', wrote(25 * hour)],
    ['when nothing was ever delivered', { ...stranger, number: { deliversSince: null, unnumberedAt: null } }],
    [
      'when the number delivers since 25 hours',
      { ...stranger, number: { deliversSince: timeAgo(25 * hour), unnumberedAt: null } },
    ],
    [
      'when the customer wrote long ago, and the number was given back and taken again since',
      { ...wrote(100 * hour), number: { deliversSince: timeAgo(hour), unnumberedAt: null } },
    ],
    [
      'when the customer was erased 25 hours ago',
      { ...stranger, conversations: [{ ...silent, erasedAt: timeAgo(25 * hour) }] },
    ],
    [
      'when one of the names of the customer has written',
      { ...stranger, underNumber: joined, conversations: [silent, { ...silent, lastInboundAt: timeAgo(hour) }] },
    ],
    [
      'when somebody wrote without a phone number 25 hours ago, who may be the customer',
      { ...stranger, number: { ...stranger.number, unnumberedAt: timeAgo(25 * hour) } },
    ],
    [
      'also when the customer once wrote with one',
      { ...wrote(100 * hour), number: { ...stranger.number, unnumberedAt: timeAgo(hour) } },
    ],
    ['written as at home, with a 0 that WhatsApp leaves out', { ...stranger, message: { to: '+49 (0)151 12345678' } }],
    ['the same in another country', { ...stranger, message: { to: '+62 0812 3456 7890' } }],
    ['for a group', { ...stranger, message: { to: '+4915112345678', recipient_type: 'group' } }],
    ['for who never wrote and is given without +', { ...stranger, message: { to: '4915112345678' } }],
    ['for who never wrote and is given with 00', { ...stranger, message: { to: '004915112345678' } }],
    ['for what is no phone number', { ...stranger, message: { to: 'DE.1349' } }],
    ['for what is too long for one', { ...stranger, message: { to: '+1234567890123456' } }],
    ['for what nobody can dial', { ...stranger, message: { to: '+0 151' } }],
    ...['+52 55 1234 5678', '+54 11 1234 5678', '+55 11 1234 5678'].map((to): [string, KnownRecipient] => [
      `for a country that spells in two ways: ${to}`,
      { ...stranger, message: { to } },
    ]),
    [
      'for such a country, also when the customer wrote long ago',
      { ...wrote(100 * hour), message: { to: '5511912345678' } },
    ],
  ])('%s', (_when, recipient) => {
    expect(isKnownClosed(recipient, now)).toBe(false);
  });
});

const agos = fc.integer({ min: 0, max: 100 * hour });
const times = fc.option(agos, { nil: null }).map((ago) => (ago === null ? null : timeAgo(ago)));
const recipients: fc.Arbitrary<KnownRecipient> = fc.record({
  number: fc.record({ deliversSince: times, unnumberedAt: times }),
  message: fc.record({ to: fc.constantFrom('+4915112345678', '4915112345678', '+5511912345678', 'DE.1') }),
  underNumber: fc.option(fc.constantFrom(alone, joined), { nil: undefined }),
  conversations: fc.array(fc.record({ lastInboundAt: times, erasedAt: times }), { maxLength: 3 }),
});

describe('whatever is known', () => {
  test('who wrote within 24 hours is never refused, whenever within the hour before it was noted', () => {
    fc.assert(
      fc.property(
        recipients,
        fc.integer({ min: 0, max: 24 * hour }),
        fc.integer({ min: 0, max: hour - 1 }),
        (it, ago, late) => {
          // The last message came so long ago; a note that was younger than an hour then was left as it was.
          const lastInboundAt = timeAgo(ago + late);
          expect(withInbound({ lastInboundAt }, timeAgo(ago))).toEqual({});
          expect(
            isKnownClosed({ ...it, conversations: [...it.conversations, { ...silent, lastInboundAt }] }, now),
          ).toBe(false);
        },
      ),
    );
  });

  test('a number that has delivered for no more than 24 hours refuses nobody', () => {
    fc.assert(
      fc.property(recipients, fc.integer({ min: 0, max: 24 * hour }), (it, ago) => {
        expect(isKnownClosed({ ...it, number: { ...it.number, deliversSince: timeAgo(ago) } }, now)).toBe(false);
      }),
    );
  });

  test('to know of more that came in never closes a window', () => {
    fc.assert(
      fc.property(recipients, times, times, (it, lastInboundAt, erasedAt) => {
        const more = { ...it, conversations: [...it.conversations, { lastInboundAt, erasedAt }] };
        if (isKnownClosed(more, now)) expect(isKnownClosed(it, now)).toBe(true);
      }),
    );
  });

  test('what is closed stays closed as long as nothing comes in', () => {
    fc.assert(
      fc.property(recipients, agos, (it, wait) => {
        if (isKnownClosed(it, now)) expect(isKnownClosed(it, new Date(now.getTime() + wait))).toBe(true);
      }),
    );
  });
});

const ada: Customer = { waId: '491511', userId: null, groupId: null, name: null };
const receivedAt = '2026-11-26T09:00:00.000Z';
const seconds = (time: string): string => String(Date.parse(time) / 1000);
const message = (value: Readonly<Record<string, unknown>>) => ({ kind: 'message' as const, customer: ada, value });

describe('a customer wrote or called', () => {
  test.each<[string, unknown, string]>([
    ['when Meta says so', seconds('2026-11-26T08:00:00.000Z'), '2026-11-26T08:00:00.000Z'],
    ['also as a number', Number(seconds('2026-11-26T08:00:00.000Z')), '2026-11-26T08:00:00.000Z'],
    ['days ago, where it is delivered late', seconds('2026-11-20T08:00:00.000Z'), '2026-11-20T08:00:00.000Z'],
    ['when it was received, for a time to come', seconds('2026-11-26T09:00:01.000Z'), receivedAt],
    ['when it was received, for milliseconds', String(Date.parse(receivedAt)), receivedAt],
    ['when it was received, where Meta does not say', undefined, receivedAt],
    ['when it was received, for an empty time', '', receivedAt],
    ['when it was received, for a time that is none', 'yesterday', receivedAt],
    ['when it was received, for what can be made no text', { toString: 'x' }, receivedAt],
    ['when it was received, for a number before all', -5, receivedAt],
    ['when it was received, for a time before all', '-5', receivedAt],
    ['when it was received, for one too large to be one', '9'.repeat(400), receivedAt],
  ])('%s', (_when, timestamp, at) => {
    expect(inboundAt(message({ timestamp }), receivedAt)).toBe(at);
    expect(inboundAt({ ...message({ timestamp }), kind: 'call' }, receivedAt)).toBe(at);
  });

  test.each(['status', 'account', 'echo', 'failure'] as const)('not by an event of the kind %s', (kind) => {
    expect(inboundAt({ ...message({}), kind }, receivedAt)).toBeUndefined();
  });

  test('not by what is said in a group', () => {
    expect(inboundAt({ ...message({}), customer: { ...ada, groupId: 'g' } }, receivedAt)).toBeUndefined();
  });
});

describe('a conversation says when its customer last wrote', () => {
  test.each<[string, string | null | undefined, boolean]>([
    ['from the first time on', undefined, true],
    ['where it did not say so', null, true],
    ['anew after an hour', '2026-11-26T08:00:00.000Z', true],
    ['and not within it', '2026-11-26T08:00:00.001Z', false],
    ['and never goes back', '2026-11-26T09:00:00.001Z', false],
    ['by whatever comes late', '2026-11-27T09:00:00.000Z', false],
  ])('%s', (_when, lastInboundAt, isNoted) => {
    const conversation = lastInboundAt === undefined ? undefined : { lastInboundAt };
    expect(withInbound(conversation, receivedAt)).toEqual(isNoted ? { lastInboundAt: receivedAt } : {});
  });

  test('and nothing for an event that is no message of a customer', () => {
    expect(withInbound(undefined, undefined)).toEqual({});
  });
});

describe('a number says', () => {
  const noteOf = (number: Parameters<typeof numberNote>[0], customer: Customer, at = receivedAt) =>
    numberNote(number, { customer }, at, now);
  const hidden = { ...ada, waId: null, userId: 'DE.1' };

  test('once since when it delivers: since now, however old the message is', () => {
    expect(noteOf({ deliversSince: null, unnumberedAt: null }, ada)).toEqual({ deliversSince: now.toISOString() });
    expect(noteOf({ deliversSince: timeAgo(0), unnumberedAt: null }, ada)).toBeUndefined();
  });

  test('when somebody wrote without a phone number, once an hour', () => {
    const number = { deliversSince: timeAgo(0), unnumberedAt: null };
    expect(noteOf(number, hidden)).toEqual({ unnumberedAt: receivedAt });
    expect(noteOf({ ...number, unnumberedAt: '2026-11-26T08:00:00.001Z' }, hidden)).toBeUndefined();
    expect(noteOf({ ...number, unnumberedAt: '2026-11-26T08:00:00.000Z' }, hidden)).toEqual({
      unnumberedAt: receivedAt,
    });
  });

  test('both by the first message of all', () => {
    expect(noteOf({ deliversSince: null, unnumberedAt: null }, hidden)).toEqual({
      deliversSince: now.toISOString(),
      unnumberedAt: receivedAt,
    });
  });
});
