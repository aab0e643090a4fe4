import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { currentActor } from '../../../functions/edge/invocation.ts';
import { operatorLambda } from '../../../functions/edge/operator-lambda.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { captureOutput } from '../../support/captured-output.ts';
import { context } from '../../support/lambda.ts';

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const schema = z.strictObject({ restart: z.boolean().default(false) });
const invocation = { ...context(), awsRequestId: 'request-1' } as Context;

test('serves what the request says, in the name of the function', async () => {
  const handler = operatorLambda(schema, ({ restart }) => Promise.resolve({ restart, actor: currentActor() }));
  expect(await handler({}, invocation)).toEqual({
    restart: false,
    actor: expect.objectContaining({ kind: 'function', requestId: 'request-1' }),
  });
});

test.each([{ restart: 'yes' }, { force: true }, null, 'restart'])('refuses %j and serves nothing', async (event) => {
  const serve = vi.fn(() => Promise.resolve({}));
  await expect(operatorLambda(schema, serve)(event, invocation)).rejects.toThrow(/^unhandled$/);
  expect(serve).not.toHaveBeenCalled();
});

test.each([
  ['a code', new Fault('kms-unavailable', { retryable: true, cause: new Error('CANARY') }), 'kms-unavailable'],
  ['nothing', new Error('CANARY'), 'unhandled'],
])('tells %s of an error, and neither its cause nor its words', async (_what, error, message) => {
  const thrown = await operatorLambda(schema, () => Promise.reject(error))({}, invocation).catch((it: unknown) => it);
  expect(thrown).toMatchObject({ message });
  expect(output.lines()).toMatchObject([{ level: 'ERROR', message: 'operation-failed', errorName: error.name }]);
  expect((thrown as Error).cause).toBeUndefined();
  expect(output.text()).not.toContain('CANARY');
});
