import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentAnswer, AgentHost, type Heard, saying, textOf } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { type HandedOver, route } from './support/lambdas.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { newQueuedConversation, queuedMessage } from './support/queued-message.ts';

// AWS starts an invocation for each group that has something, many at once; the emulator's queue hands out one batch at a time. So the
// router is invoked here as AWS would, past the queue.

/** Before a test asks that nothing more arrives. In milliseconds. */
const aWhile = 1500;
const aMoment = 100;

let host: AgentHost;
let partner: ConversationPartner;
let other: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  [partner, other] = await Promise.all([
    newConversationPartner(host, 'parallel', quiet),
    newConversationPartner(host, 'parallel-other', quiet),
  ]);
});
afterAll(() => host[Symbol.asyncDispose]());

const newConversation = () => newQueuedConversation(newCustomer().waId);
const again = (message: HandedOver): HandedOver => ({ ...message, messageId: randomUUID() });

/** Has the agent wait with its answer to one text until it is let go. */
function holding(of: ConversationPartner, text: string, answer: AgentAnswer = {}) {
  const { promise, resolve } = Promise.withResolvers<AgentAnswer>();
  of.agent.answer = (heard: Heard) => (textOf(heard) === text ? promise : {});
  return {
    letGo: () => resolve(answer),
    heard: () => eventually(() => expect(of.agent.texts).toContain(text)),
  };
}

/** Whether it is still under way, when whatever has happened has been heard of. */
const isPending = (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => false), sleep(aMoment, true)]);

describe('a slow agent', () => {
  test('delays its own conversation alone: neither others of its number nor other tenants', async () => {
    const text = `slow ${randomUUID()}`;
    const { letGo, heard } = holding(partner, text);
    const slow = newConversation();
    const waiting = route([queuedMessage(partner, slow, text), queuedMessage(partner, slow, `behind ${text}`)]);
    await heard();

    const others = [partner, partner, other, other].map((of, index) => ({
      of,
      message: queuedMessage(of, newConversation(), `meanwhile ${index} ${text}`),
    }));
    expect(await Promise.all(others.map(({ message }) => route([message])))).toEqual([[], [], [], []]);
    for (const [index, { of }] of others.entries()) expect(of.agent.texts).toContain(`meanwhile ${index} ${text}`);
    expect(await isPending(waiting)).toBe(true);
    expect(partner.agent.texts).not.toContain(`behind ${text}`);

    letGo();
    expect(await waiting).toEqual([]);
    expect(partner.agent.texts.filter((it) => it.endsWith(text)).at(-1)).toBe(`behind ${text}`);
  });

  test('does not delay the other conversations of its own batch either', async () => {
    const text = `slow ${randomUUID()}`;
    const { letGo, heard } = holding(partner, text);
    const messages = [text, `beside 1 ${text}`, `beside 2 ${text}`].map((it) =>
      queuedMessage(partner, newConversation(), it),
    );
    const batch = route(messages);
    await heard();
    await eventually(() =>
      expect(partner.agent.texts).toEqual(expect.arrayContaining([`beside 1 ${text}`, `beside 2 ${text}`])),
    );
    expect(await isPending(batch)).toBe(true);
    letGo();
    expect(await batch).toEqual([]);
  });
});

describe('an event that two invocations have at once', () => {
  test('is dispatched by one; the other gives it back, and all that is behind it', async () => {
    const text = `twice ${randomUUID()}`;
    const { letGo, heard } = holding(partner, text, saying('once'));
    const conversation = newConversation();
    const messages = [
      queuedMessage(partner, conversation, text),
      queuedMessage(partner, conversation, `behind ${text}`),
    ];
    const first = route(messages);
    await heard();

    const repeated = messages.map(again);
    expect(await route(repeated)).toEqual(repeated.map(({ messageId }) => messageId));
    expect(await isPending(first)).toBe(true);
    letGo();
    expect(await first).toEqual([]);

    // What was given back comes again, as from the queue: by now there is nothing left to do.
    expect(await route(repeated.map(again))).toEqual([]);
    await throughout(aWhile, () =>
      expect(partner.agent.texts.filter((it) => it.endsWith(text))).toEqual([text, `behind ${text}`]),
    );
    const replies = (await meta.sent(partner.number)).filter(({ to }) => to === conversation.waId);
    expect(replies).toMatchObject([{ body: { text: { body: 'once' } } }]);
  });

  test('is dispatched once, however many begin with it at the same moment', async () => {
    const text = `many ${randomUUID()}`;
    partner.agent.answer = () => saying('once');
    const conversation = newConversation();
    const message = queuedMessage(partner, conversation, text);
    const copies = Array.from({ length: 6 }, () => again(message));
    const given = await Promise.all(copies.map((copy) => route([copy])));
    for (const [index, back] of given.entries()) expect([[], [copies[index]?.messageId]]).toContainEqual(back);
    await throughout(aWhile, async () => {
      expect(partner.agent.texts.filter((it) => it === text)).toEqual([text]);
      expect((await meta.sent(partner.number)).filter(({ to }) => to === conversation.waId)).toHaveLength(1);
    });
  });
});

test('eight invocations at once, each with ten messages of conversations of its own, dispatch every event once and in order', async () => {
  const run = randomUUID();
  const batches = Array.from({ length: 8 }, (_, invocation) => {
    const of = invocation % 2 === 0 ? partner : other;
    const conversations = Array.from({ length: 5 }, newConversation);
    // Two messages of two events for each conversation.
    return [0, 1].flatMap((half) =>
      conversations.map((conversation, index) => ({
        of,
        conversation: `${run} ${invocation}.${index}`,
        message: queuedMessage(
          of,
          conversation,
          ...[0, 1].map((event) => `${run} ${invocation}.${index} ${half * 2 + event}`),
        ),
      })),
    );
  });
  for (const { agent } of [partner, other]) agent.answer = () => ({});
  const given = await Promise.all(batches.map((batch) => route(batch.map(({ message }) => message))));
  expect(given.flat()).toEqual([]);
  for (const { of, conversation } of batches.flat())
    expect(of.agent.texts.filter((text) => text.startsWith(`${conversation} `))).toEqual(
      [0, 1, 2, 3].map((event) => `${conversation} ${event}`),
    );
});
