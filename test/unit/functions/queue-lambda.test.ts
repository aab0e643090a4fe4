import { setTimeout } from 'node:timers/promises';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { journal } from '../../../functions/edge/operator-journal.ts';
import { queueLambda } from '../../../functions/edge/queue-lambda.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { context } from '../../support/lambda.ts';

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const record = (messageId: string, group: string) =>
  ({
    messageId,
    body: messageId,
    receiptHandle: `r-${messageId}`,
    attributes: { MessageGroupId: group },
  }) as unknown as SQSRecord;
const event = (...records: readonly SQSRecord[]): SQSEvent => ({ Records: [...records] });

const run = async (serve: (id: string) => Promise<boolean>, ...records: readonly SQSRecord[]) => {
  const returned = vi.fn(() => Promise.resolve());
  const handler = queueLambda(({ messageId }) => serve(messageId), returned);
  const response = await handler(event(...records), context());
  return { failures: response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), returned };
};

test('what is dealt with is acknowledged', async () => {
  const { failures } = await run(() => Promise.resolve(true), record('1', 'a'), record('2', 'b'));
  expect(failures).toEqual([]);
});

test('after the first failure in a group the rest of the group goes back untried, other groups go on', async () => {
  const served: string[] = [];
  const serve = (id: string) => {
    served.push(id);
    return Promise.resolve(id !== 'a2');
  };
  const records = [record('a1', 'a'), record('b1', 'b'), record('a2', 'a'), record('a3', 'a'), record('b2', 'b')];
  const { failures, returned } = await run(serve, ...records);
  expect(failures).toEqual(['a2', 'a3']);
  expect(served).not.toContain('a3');
  expect(served).toContain('b2');
  expect(returned).toHaveBeenCalledWith([records[2], records[3]]);
});

test('a thrown error leaves its message in the queue and does not end the batch', async () => {
  const { failures } = await run(
    (id) => (id === 'a1' ? Promise.reject(new RangeError('CANARY')) : Promise.resolve(true)),
    record('a1', 'a'),
    record('a2', 'a'),
    record('b1', 'b'),
  );
  expect(failures).toEqual(['a1', 'a2']);
  expect(output.lines()).toMatchObject([{ level: 'ERROR', message: 'message-failed', errorName: 'RangeError' }]);
  expect(output.metrics()).toMatchObject([{ UnhandledError: 1 }]);
  expect(output.text()).not.toMatch(/CANARY|EventFailed/);
});

test('what is thrown is counted under a name of its own too, where the queue has one, and what is only given back is not', async () => {
  const handler = queueLambda(
    ({ messageId }) => (messageId === 'a1' ? Promise.reject(new RangeError()) : Promise.resolve(false)),
    () => Promise.resolve(),
    'EventFailed',
  );
  await handler(event(record('a1', 'a'), record('b1', 'b')), context());
  expect(output.metrics()).toMatchObject([{ UnhandledError: 1, EventFailed: 1 }]);
});

test('groups run in parallel: a slow one delays only itself', async () => {
  const order: string[] = [];
  let free: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => {
    free = resolve;
  });
  const serve = async (id: string) => {
    if (id === 'a1') await slow;
    order.push(id);
    if (id === 'b2') free();
    return true;
  };
  await run(serve, record('a1', 'a'), record('b1', 'b'), record('b2', 'b'));
  expect(order).toEqual(['b1', 'b2', 'a1']);
});

test('a message that hangs goes back in time and takes no other along', async () => {
  const handler = queueLambda(
    ({ messageId }) => (messageId === 'a1' ? new Promise(() => undefined) : Promise.resolve(true)),
    () => Promise.resolve(),
  );
  const response = await handler(event(record('a1', 'a'), record('a2', 'a'), record('b1', 'b')), context(2_050));
  expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['a1', 'a2']);
});

test('what messages have begun alongside is over when the invocation ends, and no message waits for it', async () => {
  const over: string[] = [];
  const handler = queueLambda(
    ({ messageId }, _context, alongside) => {
      if (messageId === 'a1') alongside(setTimeout(20).then(() => void over.push('alongside a1')));
      over.push(messageId);
      return Promise.resolve(true);
    },
    () => Promise.resolve(),
  );
  await handler(event(record('a1', 'a'), record('a2', 'a')), context());
  expect(over).toEqual(['a1', 'a2', 'alongside a1']);
});

test('what fails alongside is told and leaves no message in the queue', async () => {
  const handler = queueLambda(
    (_record, _context, alongside) => {
      alongside(Promise.reject(new RangeError('CANARY')));
      return Promise.resolve(true);
    },
    () => Promise.resolve(),
  );
  expect(await handler(event(record('1', 'a')), context())).toEqual({ batchItemFailures: [] });
  expect(output.lines()).toMatchObject([{ level: 'ERROR', message: 'work-alongside-failed', errorName: 'RangeError' }]);
  expect(output.text()).not.toContain('CANARY');
});

test('what hangs alongside does not cost the messages their acknowledgement', async () => {
  const handler = queueLambda(
    (_record, _context, alongside) => {
      alongside(new Promise(() => undefined));
      return Promise.resolve(true);
    },
    () => Promise.resolve(),
  );
  expect(await handler(event(record('1', 'a')), context(2_050))).toEqual({ batchItemFailures: [] });
});

test('messages without a group are served each for itself', async () => {
  const lone = (id: string) => ({ messageId: id, attributes: {} }) as unknown as SQSRecord;
  const { failures } = await run((id) => Promise.resolve(id !== '1'), lone('1'), lone('2'));
  expect(failures).toEqual(['1']);
});

test('a message that takes its time is waited for', async () => {
  const { failures } = await run(() => setTimeout(20, true), record('1', 'a'));
  expect(failures).toEqual([]);
});

test('a batch that is served holds nothing open', async () => {
  vi.useFakeTimers();
  await run(() => Promise.resolve(true), record('1', 'a'));
  expect(vi.getTimerCount()).toBe(0);
});

test('messages that could not be given back early are still reported as failed', async () => {
  const handler = queueLambda(
    () => Promise.resolve(false),
    () => Promise.reject(new RangeError('CANARY')),
  );
  const response = await handler(event(record('1', 'a')), context());
  expect(response.batchItemFailures).toEqual([{ itemIdentifier: '1' }]);
  expect(output.lines()).toMatchObject([{ level: 'WARN', message: 'visibility-not-changed', errorName: 'RangeError' }]);
  expect(output.text()).not.toContain('CANARY');
});

test('what a batch has counted is written out at its end', async () => {
  await run(
    () => {
      journal.count('EventsDispatched');
      return Promise.resolve(true);
    },
    record('1', 'a'),
    record('2', 'b'),
  );
  expect(output.metrics()).toMatchObject([{ EventsDispatched: [1, 1] }]);
});
