import type { Context, DynamoDBStreamEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { currentActor } from '../../../functions/edge/invocation.ts';
import { journal } from '../../../functions/edge/operator-journal.ts';
import { operatorLambda } from '../../../functions/edge/operator-lambda.ts';
import { scheduledLambda } from '../../../functions/edge/scheduled-lambda.ts';
import { streamLambda } from '../../../functions/edge/stream-lambda.ts';
import type { Actor } from '../../../shared/domain/audit.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { context } from '../../support/lambda.ts';

const invocation = { ...context(), awsRequestId: 'invocation-1' } as Context;
const records = [{ eventName: 'MODIFY' }, { eventName: 'REMOVE' }] as const;
const streamed = { Records: [...records] } as unknown as DynamoDBStreamEvent;
const outage = new Fault('store-unavailable', { retryable: true, cause: new RangeError('CANARY') });

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'Switchboard-SweepWork');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

type Invoke = (run: () => Promise<void>) => Promise<void>;
const scheduled: Invoke = (run) => scheduledLambda(run)({}, invocation);
const operated: Invoke = (run) => operatorLambda(z.strictObject({}), run)({}, invocation);
const streaming: Invoke = (run) => streamLambda(run)(streamed, invocation);

describe.each([
  ['a schedule starts', scheduled],
  ['an operator starts', operated],
  ['hears of the changes of a table', streaming],
])('a function that %s', (_how, invoke) => {
  test('acts in its own name', async () => {
    const actors: Actor[] = [];
    await invoke(async () => void actors.push(await Promise.resolve().then(currentActor)));
    expect(actors).toEqual([{ kind: 'function', id: 'Switchboard-SweepWork', requestId: 'invocation-1' }]);
  });

  test('writes out at its end what it has counted', async () => {
    await invoke(() => Promise.resolve(journal.count('AuditTampered', 2)));
    expect(output.metrics()).toMatchObject([{ AuditTampered: 2 }]);
  });

  test('fails when what it does fails, so that it is repeated', async () => {
    await expect(invoke(() => Promise.reject(outage))).rejects.toThrow();
  });
});

test.each([
  ['a schedule starts', scheduled],
  ['an operator starts', operated],
  ['hears of the changes of a table', streaming],
])('a function that %s counts its failure', async (_how, invoke) => {
  await expect(invoke(() => Promise.reject(outage))).rejects.toThrow();
  expect(output.metrics()).toMatchObject([{ UnhandledError: 1 }]);
});

describe('a scheduled function', () => {
  test.each([
    ['an outage', outage, { errorName: 'Fault', code: 'store-unavailable', causeName: 'RangeError' }],
    ['a bug', new TypeError('CANARY'), { errorName: 'TypeError' }],
  ])('fails without a word of what went wrong, and with a line in the log: %s', async (_what, error, said) => {
    const failed = await scheduledLambda(() => Promise.reject(error))({}, invocation).catch((it: unknown) => it);
    expect(failed).toEqual(new Error('Not finished; the log says why.'));
    expect((failed as Error).cause).toBeUndefined();
    expect(output.lines()).toMatchObject([{ level: 'ERROR', message: 'schedule-failed', ...said }]);
    expect(output.text()).not.toContain('CANARY');
  });

  test('says nothing when all is well, and knows its invocation', async () => {
    const run = vi.fn(() => Promise.resolve());
    expect(await scheduledLambda(run)({}, invocation)).toBeUndefined();
    expect(run).toHaveBeenCalledExactlyOnceWith(invocation);
    expect(output.text()).toBe('');
  });
});

test('a function that hears of the changes of a table fails without a word of what went wrong', async () => {
  const failed = await streamLambda(() => Promise.reject(outage))(streamed, invocation).catch((it: unknown) => it);
  expect(failed).toEqual(new Error('Not finished; the log says why.'));
  expect((failed as Error).cause).toBeUndefined();
  expect(output.lines()).toMatchObject([
    { level: 'ERROR', message: 'stream-failed', code: 'store-unavailable', causeName: 'RangeError' },
  ]);
  expect(output.text()).not.toContain('CANARY');
});

test('a function that hears of the changes of a table gets all of them in their order', async () => {
  const serve = vi.fn(() => Promise.resolve());
  await streamLambda(serve)(streamed, invocation);
  expect(serve).toHaveBeenCalledExactlyOnceWith(records);
});
