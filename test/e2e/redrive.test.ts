import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost, textOf } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { deadLettersAtOnce, forgetDeadLetters, putOnEvents, queuedMessages } from './support/queues.ts';
import { redriveCommand } from './support/redrive-command.ts';
import { dropRow, putRow, rowsOf } from './support/tables.ts';

/** Before a test asks that nothing more arrives. In milliseconds. */
const aWhile = 1500;

/** What failed is given back after some seconds, and only then does SQS look whether it has failed for good. In milliseconds. */
const dying = 60_000;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
  await forgetDeadLetters();
});
afterAll(async () => {
  await forgetDeadLetters();
  await host[Symbol.asyncDispose]();
});

const deadLettersOf = async ({ number }: ConversationPartner) =>
  (await queuedMessages()).filter(({ queue, Body }) => queue.includes('EventsDeadLetters') && Body.includes(number));

const conversationOf = (body: string): string => (JSON.parse(body) as { conversationId: string }).conversationId;

/** Has customers write while the signing secret of their agent is gone, which is a fault of ours, until everything is a dead letter. */
async function failForGood(
  partner: ConversationPartner,
  told: readonly (readonly [from: string, text: string])[],
): Promise<void> {
  const { agent, api, number } = partner;
  const secret = (await rowsOf('Vault')).find(
    ({ pk, purpose }) => pk === `${api.tenant}#${agent.id}` && purpose === 'agent-signature',
  );
  if (secret === undefined) throw new Error('The agent has no signing secret that could be lost.');
  await using _ = await deadLettersAtOnce();
  await dropRow('Vault', secret);
  for (const [from, body] of told) await meta.message({ phoneNumberId: number, from, body });
  await eventually(async () => expect(await deadLettersOf(partner)).toHaveLength(told.length), dying);
  await putRow('Vault', secret);
  expect(agent.heard).toEqual([]);
}

// One after the other: each finds what the ones before have left.
describe('events that failed for good by a fault of ours', () => {
  let partner: ConversationPartner;
  const [ada, bob] = [newCustomer('Ada'), newCustomer('Bob')];
  const toldBy = (who: string, count: number) => Array.from({ length: count }, (_, index) => `${who} ${index + 1}`);
  const texts = (who: string) => partner.agent.heard.map(textOf).filter((text) => text.startsWith(who));

  beforeAll(async () => {
    partner = await newConversationPartner(host, 'redriven', quiet);
    await failForGood(partner, [
      ...toldBy('ada', 12).map((text) => [ada.waId, text] as const),
      ...toldBy('bob', 3).map((text) => [bob.waId, text] as const),
    ]);
  });

  test('are lost when somebody puts them back as they are: SQS has seen their ids within five minutes', async () => {
    for (const { Body, MessageGroupId, MessageDeduplicationId } of await deadLettersOf(partner))
      await putOnEvents({
        MessageBody: Body,
        MessageGroupId: MessageGroupId ?? '',
        MessageDeduplicationId: MessageDeduplicationId ?? '',
      });
    await throughout(aWhile, () => expect(partner.agent.heard).toEqual([]));
    expect((await queuedMessages()).filter(({ queue }) => queue.includes('EventsQueue'))).toEqual([]);
  });

  test('are shown by conversation, without a word or a phone number of anybody, and stay', async () => {
    const letters = await deadLettersOf(partner);
    const { exitCode, printed } = await redriveCommand();
    expect(exitCode, printed).toBe(0);
    const lineOf = (who: string) => {
      const letter = letters.find(({ Body }) => Body.includes(`${who} 1`));
      return printed.split('\n').find((line) => line.startsWith(conversationOf(letter?.Body ?? '{}')));
    };
    const [tenant, number] = [partner.api.tenant, partner.number];
    // SQS hands out ten messages and then nothing more of their conversations: what is behind them is in the total alone.
    const counted = ['ada', 'bob'].map((who) => {
      const [, count] = new RegExp(`^conv_\\S+ +${tenant} +${number} +(\\d+) +\\1 +0 `).exec(lineOf(who) ?? '') ?? [];
      return Number(count);
    });
    expect(counted.every((count) => count > 0)).toBe(true);
    const shown = counted.reduce((sum, count) => sum + count, 0);
    expect(printed).toContain(`${shown} of about 15 dead letters of events. Nothing has been moved.`);
    for (const secret of [ada.waId, bob.waId, 'Ada', 'Bob', 'ada 1', 'bob 1']) expect(printed).not.toContain(secret);
    expect(await deadLettersOf(partner)).toHaveLength(15);
    expect(partner.agent.heard).toEqual([]);
  });

  test('of one conversation come to the agent at once, in order, and the other conversation stays', async () => {
    const letters = await deadLettersOf(partner);
    const bobs = letters.find(({ Body }) => Body.includes('bob 1'));
    const { exitCode, printed } = await redriveCommand(
      '--conversation',
      conversationOf(bobs?.Body ?? '{}'),
      '--confirm',
    );
    expect(exitCode, printed).toBe(0);
    expect(printed).toContain('Moved 3 messages with 3 events of 1 conversations.');
    await eventually(() => expect(texts('bob')).toEqual(toldBy('bob', 3)));
    await throughout(aWhile, () => expect(texts('ada')).toEqual([]));
    expect(await deadLettersOf(partner)).toHaveLength(12);
  });

  test('come once, though a redrive before was killed between sending and removing', async () => {
    // What such a run leaves behind when the next one comes later than SQS remembers: a copy with an id of its own.
    const first = (await deadLettersOf(partner)).find(({ Body }) => Body.includes('ada 1"'));
    await putOnEvents({
      MessageBody: first?.Body ?? '',
      MessageGroupId: first?.MessageGroupId ?? '',
      MessageDeduplicationId: randomUUID(),
    });
    await eventually(() => expect(texts('ada')).toEqual(['ada 1']));
    await eventually(async () => {
      const { printed } = await redriveCommand();
      expect(printed).toMatch(new RegExp(`${partner.number} +10 +10 +1 `));
    });

    const { exitCode, printed } = await redriveCommand('--confirm');
    expect(exitCode, printed).toBe(0);
    expect(printed).toContain('Moved 12 messages with 12 events of 1 conversations.');
    await eventually(() => expect(texts('ada')).toHaveLength(12));
    await throughout(aWhile, () => expect(texts('ada')).toEqual(toldBy('ada', 12)));
    expect(await deadLettersOf(partner)).toEqual([]);
    expect(await redriveCommand('--confirm')).toMatchObject({
      exitCode: 0,
      printed: expect.stringContaining('Moved 0 messages'),
    });
  });

  test('are said in one sentence to be none of the command’s, when it is called wrongly', async () => {
    const { exitCode, printed } = await redriveCommand('--queue', 'everything');
    expect(exitCode).toBe(1);
    expect(printed).toMatch(/^The queue is one of .*\nUsage: npm run redrive/);
  });
});

test('a message that nobody can read stays and holds up its conversation, unless it is included', async () => {
  const partner = await newConversationPartner(host, 'unreadable', quiet);
  const { waId } = newCustomer();
  await failForGood(partner, [[waId, 'readable']]);
  const [letter] = await deadLettersOf(partner);
  await using _ = await deadLettersAtOnce();
  // Into the same group, where the router can't read it either.
  const MessageGroupId = letter?.MessageGroupId ?? '';
  await putOnEvents({
    MessageBody: JSON.stringify({ version: 99, number: partner.number }),
    MessageGroupId,
    MessageDeduplicationId: randomUUID(),
  });
  await eventually(async () => expect(await deadLettersOf(partner)).toHaveLength(2), dying);

  const { printed } = await redriveCommand('--confirm');
  expect(printed).toContain('Moved 1 messages');
  await eventually(() => expect(partner.agent.texts).toEqual(['readable']));
  expect((await redriveCommand()).printed).toMatch(/^Unreadable: message \S+, queued /m);
  expect((await redriveCommand('--confirm', '--include-unreadable')).printed).toContain('Moved 1 messages');
  await eventually(async () => expect(await deadLettersOf(partner)).toHaveLength(1), dying);
  expect(partner.agent.texts).toEqual(['readable']);
});

test('of a conversation that goes on after an event failed for good, the preview says that it has moved on', async () => {
  const partner = await newConversationPartner(host, 'moves-on', quiet);
  const { waId } = newCustomer();
  await failForGood(partner, [[waId, 'failed']]);
  const [letter] = await deadLettersOf(partner);
  const conversation = conversationOf(letter?.Body ?? '{}');
  const lineOf = async () => (await redriveCommand()).printed.split('\n').find((line) => line.startsWith(conversation));
  const write = async (body: string) => {
    await meta.message({ phoneNumberId: partner.number, from: waId, body });
    await eventually(() => expect(partner.agent.texts).toContain(body));
  };
  // What the router notes at the 20th try. Here there was only one, and a row to note it in is there once an event was handled.
  await write('makes the row');
  const [row] = (await rowsOf('Directory')).filter(({ pk }) => pk === `CONV#${conversation}`);
  if (row === undefined) throw new Error('The conversation has no row.');
  await putRow('Directory', { ...row, skippedAt: new Date().toISOString() });
  expect(await lineOf()).toMatch(/nothing handled$/);
  await write('goes on');
  await eventually(async () => expect(await lineOf()).toMatch(/HAS MOVED ON, last handled /));
});
