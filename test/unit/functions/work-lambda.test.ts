import type { SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as ports from '../../../functions/edge/ports.ts';
import { workLambda } from '../../../functions/edge/work-lambda.ts';
import type { Work } from '../../../shared/contracts/work.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { newTicket, type WorkOutcome } from '../../../shared/domain/work.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { memoryTickets } from '../../support/fakes.ts';
import { context } from '../../support/lambda.ts';
import { ids } from '../../support/records.ts';

vi.mock('../../../functions/edge/ports.ts', () => ({ tickets: vi.fn(), workQueues: vi.fn() }));

const now = new Date('2026-11-22T10:00:00Z');
const work: Work = { kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.credential };
const ticket = newTicket(work, now);
const message = { version: 1, ticket: ticket.id, work };

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
  vi.useFakeTimers({ now, toFake: ['Date'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What becomes of a message whose work comes to an outcome: whether it stays in its queue, which tickets are left, what is queued. */
const workOn = async (outcome: WorkOutcome | Error, body: unknown = message, open = [ticket]) => {
  const tickets = memoryTickets(...open);
  const queued: { readonly id: string; readonly pause: number | undefined }[] = [];
  vi.mocked(ports.tickets).mockReturnValue(tickets as never);
  vi.mocked(ports.workQueues).mockReturnValue({
    send: ({ id }, pause) => Promise.resolve(void queued.push({ id, pause })),
  });
  const perform = vi.fn((_work: Work, _timeLeft: () => number): Promise<WorkOutcome> => settled(outcome));
  const record = { messageId: 'm-1', attributes: {}, body: typeof body === 'string' ? body : JSON.stringify(body) };
  const { batchItemFailures } = await workLambda(perform)({ Records: [record] } as unknown as SQSEvent, context());
  return { stays: batchItemFailures.length === 1, open: tickets.open(), queued, perform };
};
const settled = <T>(outcome: T | Error) =>
  outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);

describe('a message stays in its queue, and nothing is done', () => {
  test.each([
    ['that is no JSON', 'CANARY'],
    ['of another version', { ...message, version: 2 }],
    ['without a ticket', { ...message, ticket: '' }],
    ['about work that is not known', { ...message, work: { ...work, kind: 'CANARY' } }],
    ['about nothing', { ...message, work: undefined }],
  ])('%s', async (_what, body) => {
    const { stays, open, perform } = await workOn('done', body);
    expect(stays).toBe(true);
    expect(open).toEqual([ticket]);
    expect(perform).not.toHaveBeenCalled();
    expect(output.lines()).toMatchObject([{ message: 'message-failed' }]);
    expect(output.text()).not.toContain('CANARY');
  });
});

describe('a message stays in its queue, and its ticket stays open, after', () => {
  test.each([
    ['an outage of ours', new Fault('store-unavailable', { retryable: true })],
    ['a broken promise for good', new Fault('secret-refused', { retryable: false })],
    ['a bug', new TypeError('CANARY')],
    ['an error that calls itself a removal', Object.assign(new Error('CANARY'), { code: 'credential-removed' })],
    ['an error that calls itself an outage of Meta', Object.assign(new Error('CANARY'), { code: 'meta-unreachable' })],
  ])('%s', async (_what, error) => {
    const { stays, open, queued } = await workOn(error);
    expect(stays).toBe(true);
    expect(open).toEqual([ticket]);
    expect(queued).toEqual([]);
    expect(output.lines()).toMatchObject([{ message: 'message-failed', errorName: error.name }]);
    expect(output.text()).not.toContain('CANARY');
  });
});

describe('a message leaves its queue', () => {
  test('when somebody else has dealt with its ticket: then nothing is done', async () => {
    const { stays, perform } = await workOn('done', message, []);
    expect(stays).toBe(false);
    expect(perform).not.toHaveBeenCalled();
  });

  test.each<[string, WorkOutcome | Error]>([
    ['is done', 'done'],
    ['is about what was removed in the middle of it', new Fault('credential-removed', { retryable: false })],
  ])('when its work %s: its ticket is closed', async (_how, outcome) => {
    expect(await workOn(outcome)).toMatchObject({ stays: false, open: [], queued: [] });
  });

  test.each<[string, WorkOutcome | Error]>([
    ['can’t be done now', { outcome: 'later' }],
    ['ends because Meta can’t be reached', new Fault('meta-unreachable', { retryable: true })],
  ])('when its work %s: it gets another date', async (_how, outcome) => {
    const { stays, open, queued } = await workOn(outcome);
    expect(stays).toBe(false);
    // 5 seconds until the next attempt, and 2 minutes until the sweeper looks after it.
    const due = expect.stringMatching(/^2026-11-22T10:02:05\.000Z#/) as string;
    expect(open).toEqual([{ id: due, work, attempts: 1 }]);
    expect(queued).toEqual([{ id: open[0]?.id, pause: 5_000 }]);
  });

  test('when there is more of its work: the same ticket is queued again', async () => {
    expect(await workOn('again')).toMatchObject({
      stays: false,
      open: [ticket],
      queued: [{ id: ticket.id, pause: undefined }],
    });
  });
});

test('work knows how much time it has: three seconds less than the invocation, to give it another date', async () => {
  const { perform } = await workOn('done');
  const [asked, timeLeft] = perform.mock.calls[0] ?? [];
  expect(asked).toEqual(work);
  expect(timeLeft?.()).toBe(26_000);
});
