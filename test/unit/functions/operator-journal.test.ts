import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { journal, publishCounts, safeError } from '../../../functions/edge/operator-journal.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('a log line', () => {
  test.each(['info', 'warn', 'error'] as const)(
    'of level %s holds the event and the fields, and no other content',
    (level) => {
      journal[level]('event-dropped', { tenantId: 'acme', count: 2 });
      const [line] = output.lines();
      expect(line).toMatchObject({
        level: level.toUpperCase(),
        message: 'event-dropped',
        service: 'Switchboard',
        tenantId: 'acme',
        count: 2,
      });
      const known = ['level', 'message', 'service', 'tenantId', 'count', 'timestamp', 'sampling_rate', 'xray_trace_id'];
      expect(Object.keys(line ?? {}).filter((name) => !known.includes(name))).toEqual([]);
    },
  );
});

describe('counts', () => {
  test('are written once, in CloudWatch’s embedded format, without a dimension of a tenant', () => {
    journal.count('EventsQueued', 3);
    journal.count('WebhookAccepted');
    publishCounts();
    publishCounts();
    expect(output.metrics()).toMatchObject([
      {
        EventsQueued: 3,
        WebhookAccepted: 1,
        service: 'Switchboard',
        _aws: { CloudWatchMetrics: [{ Namespace: 'Switchboard', Dimensions: [['service']] }] },
      },
    ]);
  });

  test('of one name keep their values apart, so that an average of zeros and ones is a rate', () => {
    for (const value of [0, 1, 0, 0]) journal.count('GraphFailed', value);
    publishCounts();
    expect(output.metrics()).toMatchObject([
      {
        GraphFailed: [0, 1, 0, 0],
        _aws: { CloudWatchMetrics: [{ Metrics: [{ Name: 'GraphFailed', Unit: 'Count' }] }] },
      },
    ]);
  });

  test('of a single success are a zero, not nothing', () => {
    journal.count('GraphFailed', 0);
    publishCounts();
    expect(output.metrics()).toMatchObject([{ GraphFailed: 0 }]);
  });

  test('are written in lines of at most a hundred values each, which is what CloudWatch takes, and none is lost', () => {
    for (let call = 0; call < 250; call++) journal.count('GraphFailed', call % 2);
    journal.count('WebhookAccepted');
    publishCounts();
    const values = output.metrics().map(({ GraphFailed }) => [GraphFailed].flat());
    expect(values.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(values.flat().filter((value) => value === 1)).toHaveLength(125);
    for (const line of output.metrics())
      expect(line).toMatchObject({
        service: 'Switchboard',
        _aws: { CloudWatchMetrics: [{ Dimensions: [['service']] }] },
      });
    expect(output.metrics().at(-1)).toMatchObject({ WebhookAccepted: 1 });
  });

  test('that nobody made are not written, nor complained about', () => {
    publishCounts();
    expect(output.text()).toBe('');
  });
});

describe('what is said of an error is its names and its code, never its message', () => {
  const coded = (code: unknown) => Object.assign(new Error('CANARY'), { code });
  test.each([
    ['a plain one', new TypeError('CANARY'), { errorName: 'TypeError' }],
    [
      'one with a cause',
      new Error('CANARY', { cause: new RangeError('CANARY') }),
      { errorName: 'Error', causeName: 'RangeError' },
    ],
    ['one whose cause is a text', new Error('CANARY', { cause: 'CANARY' }), { errorName: 'Error' }],
    ['one with a code', coded('ECONNRESET'), { errorName: 'Error', code: 'ECONNRESET' }],
    ['one whose code is no text', coded({ secret: 'CANARY' }), { errorName: 'Error' }],
    ['one of ours', new Fault('claim-lost', { retryable: true }), { errorName: 'Fault', code: 'claim-lost' }],
    ['a thrown text', 'CANARY', { errorName: 'string' }],
    ['a thrown object with a code', { code: 'CANARY' }, { errorName: 'object' }],
    ['nothing', undefined, { errorName: 'undefined' }],
  ])('%s', (_what, error, said) => {
    expect(safeError(error)).toStrictEqual(said);
  });
});
