import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost, type Heard, saying } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner, quiet } from './support/connection.ts';
import { loggedAbout } from './support/logs.ts';
import { meta } from './support/meta.ts';
import { eventually, throughout } from './support/patience.ts';
import { queuedMessages } from './support/queues.ts';
import { claimOf } from './support/tables.ts';
import { runForAMoment, signalWorkers, workersOf } from './support/worker.ts';

/** The queue shows a lost message again after 30 s, and a claim of the lost worker may still hold by then. In milliseconds. */
const redelivery = 80_000;

/** After each millisecond of work AWS gets this long to carry out what was asked of it. In milliseconds. */
const settling = 30;

/** How often a worker may slip past the point where it is to die before the test gives up. */
const tries = 12;

const aWhile = 1500;

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

describe('a router that is killed', () => {
  let afterAnswer: ConversationPartner;
  let afterSend: ConversationPartner;
  let beforeAnswer: ConversationPartner;
  let eventAfterAnswer: string;
  let eventAfterSend: string;
  let eventBeforeAnswer: string;

  // One after the other, for they share the worker; then they wait together for the queue to show the messages again.
  beforeAll(async () => {
    [afterAnswer, afterSend, beforeAnswer] = await Promise.all([
      newConversationPartner(host, 'dies-after-answer', quiet),
      newConversationPartner(host, 'dies-after-send', quiet),
      newConversationPartner(host, 'dies-before-answer', quiet),
    ]);
    await warmUp(afterAnswer);
    eventAfterAnswer = await killBetweenAnswerAndSend(afterAnswer);
    eventAfterSend = await killBetweenSendAndRecord(afterSend);
    eventBeforeAnswer = await killBeforeAnswer(beforeAnswer);
  });

  test.concurrent('between the agent’s answer and the send: the stored answer is sent, once', async () => {
    const { agent, number } = afterAnswer;
    await eventually(async () => expect(await claimOf(eventAfterAnswer)).toMatchObject({ state: 'done' }), redelivery);
    expect(await meta.sent(number)).toMatchObject([{ body: { text: { body: 'answered before the crash' } } }]);
    expect(dispatchesOf(agent.heard, eventAfterAnswer), 'no second dispatch was needed').toHaveLength(1);
    expect(await loggedAbout('reply-unknown', eventAfterAnswer)).toEqual([]);
  });

  test.concurrent('between the send and the record: nothing is sent again, the claim says unknown and the log too', async () => {
    const { agent, number } = afterSend;
    await eventually(async () => expect(await claimOf(eventAfterSend)).toMatchObject({ state: 'unknown' }), redelivery);
    expect(await claimOf(eventAfterSend)).toMatchObject({ fates: [{ fate: 'unknown' }] });
    expect(await loggedAbout('reply-unknown', eventAfterSend)).toHaveLength(1);
    await throughout(aWhile, async () => expect(await meta.sent(number)).toHaveLength(1));
    expect(dispatchesOf(agent.heard, eventAfterSend)).toHaveLength(1);
  });

  test.concurrent('before the agent answered: the agent gets the event again under the same webhook-id', async () => {
    const { agent, number } = beforeAnswer;
    await eventually(async () => expect(await claimOf(eventBeforeAnswer)).toMatchObject({ state: 'done' }), redelivery);
    expect(dispatchesOf(agent.heard, eventBeforeAnswer).map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(agent.heard.every(({ verified }) => verified)).toBe(true);
    expect(await meta.sent(number)).toMatchObject([{ body: { text: { body: 'attempt 2' } } }]);
  });
});

describe('a receiver that is killed', () => {
  let partner: ConversationPartner;
  beforeAll(async () => {
    partner = await newConversationPartner(host, 'receiver-dies', quiet);
    await warmUp(partner);
  });

  test('in the middle of a POST: Meta’s retry delivers the message', async () => {
    const { agent, number } = partner;
    signalWorkers('ReceiveWebhook', 'SIGSTOP');
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'try again', retries: 5, wait: false });
    // Long enough for the POST to reach the worker, which is stopped: nothing of it can have taken effect.
    await throughout(500, () => expect(agent.texts).not.toContain('try again'));
    signalWorkers('ReceiveWebhook', 'SIGKILL');
    await eventually(() => expect(agent.texts).toContain('try again'));
    await throughout(aWhile, () => expect(agent.texts.filter((text) => text === 'try again')).toHaveLength(1));
  });

  test('between the queue and its answer: Meta’s retry is recognised, and the message is dispatched once', async () => {
    const { agent } = partner;
    const body = await killBetweenQueueAndAnswer(partner);
    await eventually(() => expect(agent.texts).toContain(body));
    await throughout(aWhile, () => expect(agent.texts.filter((text) => text === body)).toHaveLength(1));
  });
});

const dispatchesOf = (heard: readonly Heard[], event: string) => heard.filter(({ webhookId }) => webhookId === event);

/** So that there are workers to stop. */
async function warmUp({ agent, number }: Pick<ConversationPartner, 'agent' | 'number'>): Promise<void> {
  const body = `warm up ${agent.heard.length}`;
  // The one before may just have been killed.
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body, retries: 5 });
  await eventually(() => expect(agent.texts).toContain(body));
  await eventually(async () =>
    expect(await claimOf(agent.heard.at(-1)?.webhookId ?? '')).toMatchObject({ state: 'done' }),
  );
}

/** Kills the router when the answer is in its claim and nothing of it at Meta. The event that it died over. */
async function killBetweenAnswerAndSend({ agent, number }: ConversationPartner): Promise<string> {
  for (let trial = 1; trial <= tries; trial++) {
    agent.answer = () => {
      signalWorkers('RouteEvent', 'SIGSTOP');
      return saying('answered before the crash');
    };
    const heardBefore = agent.heard.length;
    await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: `trial ${trial}` });
    const event = await eventually(() => {
      expect(agent.heard.length).toBeGreaterThan(heardBefore);
      return agent.heard[heardBefore]?.webhookId ?? '';
    });
    let state: string | undefined;
    await runUntil('RouteEvent', async () => {
      state = (await claimOf(event))?.state;
      return state !== 'leased';
    });
    if (state === 'answered') {
      signalWorkers('RouteEvent', 'SIGKILL');
      agent.answer = () => saying('answered after the crash');
      expect(await meta.sent(number)).toEqual([]);
      return event;
    }
    // It was further than it should be, after all: let it end this one in peace and take another message.
    signalWorkers('RouteEvent', 'SIGCONT');
    await eventually(async () => expect(await claimOf(event)).toMatchObject({ state: 'done' }));
    await meta.forgetSent();
  }
  throw new Error('The router could not be stopped between the answer and the send.');
}

/** Kills the router when the message is at Meta and the router does not know it yet. */
async function killBetweenSendAndRecord({ agent, number }: ConversationPartner): Promise<string> {
  agent.answer = () => saying('sent before the crash');
  await using _slow = await meta.fault({
    method: 'POST',
    path: `/${number}/messages$`,
    body: '"type":',
    afterEffect: true,
    delayMs: 4000,
  });
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
  await eventually(async () => expect(await meta.sent(number)).toHaveLength(1));
  signalWorkers('RouteEvent', 'SIGKILL');
  return agent.heard[0]?.webhookId ?? '';
}

/** Kills the router while the agent thinks. */
async function killBeforeAnswer({ agent, number }: ConversationPartner): Promise<string> {
  agent.answer = ({ attempt }) => (attempt === 1 ? 'silence' : saying(`attempt ${attempt}`));
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'hello' });
  await eventually(() => expect(agent.heard).toHaveLength(1));
  signalWorkers('RouteEvent', 'SIGKILL');
  return agent.heard[0]?.webhookId ?? '';
}

/** Kills the receiver when the message is in the queue and Meta does not know it yet. The text of the message. */
async function killBetweenQueueAndAnswer({ agent, number }: ConversationPartner): Promise<string> {
  for (let trial = 1; trial <= tries; trial++) {
    await eventually(() => expect(workersOf('ReceiveWebhook')).not.toEqual([]));
    signalWorkers('ReceiveWebhook', 'SIGSTOP');
    const body = `taken once, trial ${trial}`;
    const delivered = meta.message({ phoneNumberId: number, from: newCustomer().waId, body, retries: 5 });
    await runUntil('ReceiveWebhook', async () => {
      const queued = (await queuedMessages()).some(({ Body }) => Body.includes(body));
      return queued || agent.texts.includes(body);
    });
    signalWorkers('ReceiveWebhook', 'SIGKILL');
    const [delivery] = (await delivered).deliveries;
    const statuses = delivery?.attempts.map(({ status }) => status) ?? [];
    expect(statuses.at(-1)).toBe(200);
    if (statuses.length > 1) return body;
    // It had answered already: another message. That one needs a worker again.
    await warmUp({ agent, number });
  }
  throw new Error('The receiver could not be stopped between the queue and its answer.');
}

/** Runs stopped workers a millisecond at a time until something has happened. */
async function runUntil(name: Parameters<typeof runForAMoment>[0], happened: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 20_000;
  while (!(await happened())) {
    if (performance.now() > until) throw new Error(`${name} did not get there.`);
    runForAMoment(name);
    await sleep(settling);
  }
}
