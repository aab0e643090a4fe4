import { describe, expect, test } from 'vitest';
import type { WhatIsKnown } from '../../../infra/redrive/what-is-known.ts';
import { redrive } from '../../../infra/redrive.ts';
import { type EventsMessage, eventsMessage } from '../../../shared/contracts/queued-events.ts';
import { type Work, workMessage } from '../../../shared/contracts/work.ts';
import { type End, MemoryDeadLetters } from './memory-dead-letters.ts';

const id = (prefix: 'evt' | 'conv', name: string) => `${prefix}_${name.padEnd(43, '0')}`;
const conversation = (name: string) => id('conv', name);
const event = (name: string) => id('evt', name);
const credentialId = 'cred_01J0000000000000000000000A';

const envelope = (name: string, receivedAt = '2026-11-24T09:59:00.000Z') => ({
  version: 1 as const,
  tenantId: 'acme',
  credentialId,
  phoneNumberId: '900400000000001',
  conversationId: conversation(name),
  receivedAt,
});

/** As the receiver writes it, down to what a customer said and is called: none of it may be printed. */
const bodyOf = (name: string, ...events: readonly string[]): string =>
  valid({
    ...envelope(name),
    type: 'events',
    events: events.map((eventName) => ({
      eventId: event(eventName),
      kind: 'message',
      field: 'messages',
      alsoKnownAs: null,
      customer: { waId: '4915550001111', userId: null, groupId: null, name: 'Ada Lovelace' },
      value: { id: `wamid.${eventName}`, from: '4915550001111', text: { body: 'my secret wish \u2028 ü' } },
    })),
  });
const valid = (message: object): string => {
  expect(eventsMessage.safeParse(message).error).toBeUndefined();
  // Not as JSON.stringify would write it: whoever parses and writes it anew gives himself away.
  return JSON.stringify(message satisfies object as EventsMessage, null, 1);
};

const workBody = (ticket: string, work: Work): string =>
  JSON.stringify(workMessage.parse({ version: 1, ticket, work }));

const nothingKnown: WhatIsKnown = {
  finishedOf: () => Promise.resolve(new Set()),
  lastHandledOf: () => Promise.resolve(new Map()),
  openOf: () => Promise.resolve(new Set()),
};

const plainly = {
  queue: 'events' as const,
  conversation: undefined,
  limit: 1000,
  confirm: false,
  includeUnreadable: false,
};

type Wish = Partial<Parameters<typeof redrive>[0]>;

/** Runs the command; answers what it said. */
const run = async (deadLetters: MemoryDeadLetters, wish: Wish, known: Partial<WhatIsKnown> = {}): Promise<string> => {
  const lines: string[] = [];
  await redrive({ ...plainly, ...wish }, { deadLetters, known: { ...nothingKnown, ...known } }, (line) =>
    lines.push(line),
  );
  return lines.join('\n');
};
const moveAll = (deadLetters: MemoryDeadLetters, wish: Wish = {}) => run(deadLetters, { confirm: true, ...wish });

/** `count` messages of one conversation, named `name 1` and so on. */
const fill = (deadLetters: MemoryDeadLetters, name: string, count: number): void => {
  for (let index = 1; index <= count; index++)
    deadLetters.put({ body: bodyOf(name, `${name}${index}`), group: `group-${name}`, id: `${name} ${index}` });
};
const sentOf = (deadLetters: MemoryDeadLetters, name: string) =>
  deadLetters.sent
    .filter(({ group }) => group === `group-${name}`)
    .map(({ deduplicationId }) => deduplicationId.replace('redrive-', ''));
const inOrder = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);

describe('the preview', () => {
  test('moves nothing, and everybody sees the messages again', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 3);
    fill(deadLetters, 'b', 12);
    const said = await run(deadLetters, {});
    expect(said).toContain('about 15 dead letters of events. Nothing has been moved.');
    expect(deadLetters.sent).toEqual([]);
    expect(deadLetters.left).toHaveLength(15);
    expect(deadLetters.hidden).toEqual([]);
  });

  test('shows for each conversation whose it is, how many events it has and which of them are done', async () => {
    const deadLetters = new MemoryDeadLetters();
    deadLetters.put(
      { body: bodyOf('a', 'one', 'two'), group: 'a', id: '1' },
      { body: bodyOf('b', 'other'), group: 'b', id: '2' },
      { body: bodyOf('a', 'three'), group: 'a', id: '3' },
    );
    const said = await run(deadLetters, {}, { finishedOf: () => Promise.resolve(new Set([event('two')])) });
    const lineOf = (name: string) => said.split('\n').find((line) => line.startsWith(conversation(name)));
    expect(lineOf('a')?.split(/ {2,}/)).toEqual([
      conversation('a'),
      'acme',
      '900400000000001',
      '2',
      '3',
      '1',
      '2026-11-24T09:59:00.000Z',
      '21',
      'unknown',
    ]);
    expect(lineOf('b')?.split(/ {2,}/).slice(3, 6)).toEqual(['1', '1', '0']);
  });

  test.each([
    ['2026-11-24T10:00:00.001Z', /HAS MOVED ON, last handled 2026-11-24T10:00:00.001Z/],
    ['2026-11-24T10:00:00.000Z', /nothing handled/],
    ['2026-11-23T00:00:00.000Z', /nothing handled/],
    [null, /nothing handled/],
    [undefined, /unknown/],
  ])('of a conversation last handled at %s, with a message queued at ten, says %s', async (lastHandled, verdict) => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 1);
    const handled = lastHandled === undefined ? [] : [[conversation('a'), lastHandled] as const];
    const said = await run(deadLetters, {}, { lastHandledOf: () => Promise.resolve(new Map(handled)) });
    expect(said.split('\n').find((line) => line.startsWith('conv_'))).toMatch(verdict);
  });

  test('asks of every conversation and event that it shows', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 2);
    fill(deadLetters, 'b', 1);
    const asked = { events: [] as string[], conversations: [] as string[] };
    await run(
      deadLetters,
      {},
      {
        finishedOf(ids) {
          asked.events.push(...ids);
          return Promise.resolve(new Set());
        },
        lastHandledOf(ids) {
          asked.conversations.push(...ids);
          return Promise.resolve(new Map());
        },
      },
    );
    expect(asked.events).toEqual(['a1', 'a2', 'b1'].map(event));
    expect(new Set(asked.conversations)).toEqual(new Set(['a', 'b'].map(conversation)));
  });

  test('shows what names no events or no conversation: by pointer, news of the account, a release of held events', async () => {
    const deadLetters = new MemoryDeadLetters();
    const { conversationId: _, phoneNumberId: __, ...account } = envelope('none');
    deadLetters.put(
      { body: valid({ ...envelope('large'), type: 'relayed', relayKey: 'k' }), group: 'a', id: '1' },
      {
        body: valid({
          ...account,
          type: 'account-news',
          news: [{ eventId: event('news'), field: 'account_update', value: {}, at: null }],
        }),
        group: 'b',
        id: '2',
      },
      {
        body: valid({
          ...envelope('held'),
          type: 'release-held',
          action: 'replay',
          maxAgeHours: null,
          heldBefore: null,
        }),
        group: 'c',
        id: '3',
      },
    );
    const said = await run(deadLetters, {});
    expect(said).toMatch(new RegExp(`${conversation('large')} .* 0 and 1 by pointer`));
    expect(said).toMatch(/news of the account +acme +- +1 +1 +0/);
    expect(said).toMatch(new RegExp(`${conversation('held')} `));
  });

  test('never prints what a customer said or is called, nor a phone number', async () => {
    const deadLetters = new MemoryDeadLetters();
    deadLetters.put(
      { body: bodyOf('a', 'one'), group: 'a', id: '1' },
      { body: 'Ada Lovelace, 4915550001111: my secret wish', group: 'b', id: '2' },
    );
    const said = `${await run(deadLetters, {})}${await moveAll(deadLetters, { includeUnreadable: true })}`;
    expect(said).toContain('Moved 2 messages');
    for (const secret of ['Ada', '4915550001111', 'wish', 'wamid']) expect(said).not.toContain(secret);
  });

  test('of other work shows what it is and whether it is still to be done', async () => {
    const deadLetters = new MemoryDeadLetters();
    const works: readonly Work[] = [
      { kind: 'clean-up', tenantId: 'acme', credentialId },
      { kind: 'reseal', appId: '900100000000001' },
    ].map((work) => workMessage.shape.work.parse(work));
    for (const [index, work] of works.entries())
      deadLetters.put({ body: workBody(`ticket-${index}`, work), id: String(index) });
    const openOf = (tickets: readonly string[]) => Promise.resolve(new Set(tickets.slice(0, 1)));
    const said = await run(deadLetters, { queue: 'clean-up' }, { openOf });
    expect(said).toMatch(/clean-up +acme cred_01J\S+ .*still to be done/);
    expect(said).toMatch(/reseal +app 900100000000001 .*done, or queued anew/);
  });

  test('stops at the limit and says how many there are', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 8);
    expect(await run(deadLetters, { limit: 5 })).toContain('5 of about 8 dead letters');
  });
});

describe('a redrive', () => {
  test('moves everything, bytes and group unchanged, in order within each conversation', async () => {
    const deadLetters = new MemoryDeadLetters();
    for (let index = 1; index <= 25; index++)
      for (const name of ['a', 'b'])
        deadLetters.put({ body: bodyOf(name, `${name}${index}`), group: `group-${name}`, id: `${name} ${index}` });
    const said = await moveAll(deadLetters);
    expect(sentOf(deadLetters, 'a')).toEqual(inOrder('a', 25));
    expect(sentOf(deadLetters, 'b')).toEqual(inOrder('b', 25));
    expect(deadLetters.sent.map(({ body }) => body)).toContain(bodyOf('a', 'a7'));
    expect(deadLetters.left).toEqual([]);
    expect(said).toBe('Moved 50 messages with 50 events of 2 conversations.\nAbout 0 dead letters of events are left.');
  });

  test('of one conversation leaves the others where they are', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 12);
    fill(deadLetters, 'b', 12);
    await moveAll(deadLetters, { conversation: conversation('b') });
    expect(sentOf(deadLetters, 'b')).toEqual(inOrder('b', 12));
    expect(deadLetters.left).toEqual(inOrder('a', 12));
    expect(deadLetters.hidden).toEqual([]);
  });

  test('moves no more than the limit, the oldest first', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 15);
    const said = await moveAll(deadLetters, { limit: 12 });
    expect(sentOf(deadLetters, 'a')).toEqual(inOrder('a', 12));
    expect(deadLetters.left).toEqual(['a 13', 'a 14', 'a 15']);
    expect(said).toContain('About 3 dead letters of events are left.');
  });

  test('finds a conversation that stands behind many others', async () => {
    const deadLetters = new MemoryDeadLetters();
    for (let index = 0; index < 30; index++) fill(deadLetters, `n${index}`, 1);
    fill(deadLetters, 'z', 2);
    await moveAll(deadLetters, { conversation: conversation('z'), limit: 1 });
    expect(deadLetters.sent).toHaveLength(1);
    expect(sentOf(deadLetters, 'z')).toEqual(['z 1']);
  });

  test('leaves what is unreadable, and what is behind it in its group, unless it is included', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 1);
    deadLetters.put({ body: '{"version":2}', group: 'group-a', id: 'a 2' });
    deadLetters.put({ body: bodyOf('a', 'a3'), group: 'group-a', id: 'a 3' });
    fill(deadLetters, 'b', 1);
    expect(await run(deadLetters, {})).toMatch(/Unreadable: message a 2, .* It stays, and so does what is behind it/);
    await moveAll(deadLetters);
    expect(deadLetters.sent.map(({ deduplicationId }) => deduplicationId)).toEqual(['redrive-a 1', 'redrive-b 1']);
    await moveAll(deadLetters, { includeUnreadable: true });
    expect(sentOf(deadLetters, 'a')).toEqual(inOrder('a', 3));
    expect(deadLetters.sent.map(({ body }) => body)).toContain('{"version":2}');
  });

  test('ends when what it leaves is handed out again before it is done', async () => {
    const deadLetters = new MemoryDeadLetters();
    deadLetters.hiddenFor = 0;
    deadLetters.put({ body: 'unreadable', group: 'a', id: '1' });
    expect(await moveAll(deadLetters)).toContain('Moved 0 messages');
    expect(deadLetters.left).toEqual(['1']);
  });

  test('of other work goes without group', async () => {
    const deadLetters = new MemoryDeadLetters();
    const body = workBody('ticket', workMessage.shape.work.parse({ kind: 'reseal', appId: '900100000000001' }));
    deadLetters.put({ body, id: '1' });
    expect(await moveAll(deadLetters, { queue: 'reseal' })).toContain('Moved 1 messages.');
    expect(deadLetters.sent).toMatchObject([{ body, group: undefined }]);
  });
});

describe('a redrive that is killed', () => {
  const ends: readonly End[] = (['send', 'remove'] as const).flatMap((method) =>
    (['before', 'after'] as const).flatMap((when) => [1, 2, 3].map((at) => ({ method, at, when }))),
  );

  test.each(ends)(
    '$when $method $at and is run again at once loses nothing, doubles nothing and keeps the order',
    async (end) => {
      const deadLetters = new MemoryDeadLetters();
      fill(deadLetters, 'a', 3);
      deadLetters.killAt(end);
      await expect(moveAll(deadLetters)).rejects.toThrow('killed');
      deadLetters.killAt();
      // Until SQS shows again what the dead process had in hand.
      deadLetters.wait(120_000);
      await moveAll(deadLetters);
      expect(sentOf(deadLetters, 'a')).toEqual(inOrder('a', 3));
      expect(deadLetters.left).toEqual([]);
    },
  );

  test('between send and remove, and is run again later, sends that message twice and the others once: the claim takes the second for done', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 3);
    deadLetters.killAt({ method: 'remove', at: 2, when: 'before' });
    await expect(moveAll(deadLetters)).rejects.toThrow('killed');
    deadLetters.killAt();
    deadLetters.wait(6 * 60_000);
    await moveAll(deadLetters);
    expect(sentOf(deadLetters, 'a')).toEqual(['a 1', 'a 2', 'a 2', 'a 3']);
    expect(deadLetters.left).toEqual([]);
  });

  test('says how far it has come', async () => {
    const deadLetters = new MemoryDeadLetters();
    fill(deadLetters, 'a', 3);
    deadLetters.killAt({ method: 'send', at: 3, when: 'before' });
    const lines: string[] = [];
    const ports = { deadLetters, known: nothingKnown };
    await expect(redrive({ ...plainly, confirm: true }, ports, (line) => lines.push(line))).rejects.toThrow('killed');
    expect(lines).toEqual(['Moved 2 messages with 2 events of 1 conversations.']);
  });
});
