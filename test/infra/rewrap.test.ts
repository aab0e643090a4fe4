import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../infra/local/refusal.ts';
import { parseRewrapOptions, type RewrapOptions, rewrap } from '../../infra/rewrap.ts';
import type { RewrapProgress } from '../../shared/contracts/rewrap.ts';

const cloudFormation = mockClient(CloudFormationClient);
const lambda = mockClient(LambdaClient);
const clients = { cloudFormation: new CloudFormationClient(), lambda: new LambdaClient() };

const progress: RewrapProgress = {
  runId: '01JD',
  startedAt: '2026-11-24T10:00:00.000Z',
  scanned: 5,
  moved: 4,
  skipped: 1,
  failed: 0,
  failures: [],
  finishedAt: null,
};
const finished = { ...progress, scanned: 9, moved: 8, finishedAt: '2026-11-24T10:02:00.000Z' };
const answer = (value: object, FunctionError?: string) =>
  ({ Payload: Buffer.from(JSON.stringify(value)), ...(FunctionError ? { FunctionError } : {}) }) as never;

/** Runs the command and answers what it said. */
const run = async (options: Partial<RewrapOptions> = {}) => {
  const lines: string[] = [];
  await rewrap({ restart: false, stack: 'Switchboard', ...options }, clients, (line) => void lines.push(line));
  return lines;
};
const requests = () =>
  lambda.commandCalls(InvokeCommand).map(({ args }) => JSON.parse(String(args[0].input.Payload)) as unknown);

beforeEach(() => {
  cloudFormation.reset();
  lambda.reset();
  deployedWith({ RewrapVaultFunction: 'Switchboard-RewrapVault' });
});
const deployedWith = (outputs: Record<string, string>) =>
  cloudFormation.on(DescribeStacksCommand, { StackName: 'Switchboard' }).resolves({
    Stacks: [
      {
        StackName: 'Switchboard',
        CreationTime: new Date(0),
        StackStatus: 'UPDATE_COMPLETE',
        Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
      },
    ],
  });

describe('npm run rewrap', () => {
  it('takes a stack and whether to begin again', () => {
    expect(parseRewrapOptions([])).toEqual({ restart: false, stack: 'Switchboard' });
    expect(parseRewrapOptions(['--restart', '--stack', 'Switchboard-dev'])).toEqual({
      restart: true,
      stack: 'Switchboard-dev',
    });
    expect(() => parseRewrapOptions(['--force'])).toThrow(/Usage: npm run rewrap/);
  });

  it('invokes the function until it has finished, and says each time how far it has come', async () => {
    lambda.on(InvokeCommand).resolvesOnce(answer(progress)).resolvesOnce(answer(finished));
    expect(await run()).toEqual([
      '5 secrets: 4 moved, 1 gone or changed meanwhile, 0 failed (since 2026-11-24T10:00:00.000Z)',
      '9 secrets: 8 moved, 1 gone or changed meanwhile, 0 failed (finished 2026-11-24T10:02:00.000Z)',
    ]);
    expect(lambda.commandCalls(InvokeCommand)[0]?.args[0].input.FunctionName).toBe('Switchboard-RewrapVault');
  });

  it('begins again once, and then goes on', async () => {
    lambda.on(InvokeCommand).resolvesOnce(answer(progress)).resolvesOnce(answer(finished));
    await run({ restart: true });
    expect(requests()).toEqual([{ restart: true }, { restart: false }]);
  });

  it('fails with the names of the secrets that are left, and how many more', async () => {
    const failures = ['acme#cred_1 graph-api#1'];
    lambda.on(InvokeCommand).resolves(answer({ ...finished, failed: 3, failures }));
    await expect(run()).rejects.toThrow(/3 secrets could not be moved.*\n {2}acme#cred_1 graph-api#1\n {2}and 2 more/);
  });

  it.each([
    [{ errorMessage: 'kms-unavailable' }, /has stopped \(kms-unavailable\): run it again, it goes on where it was/],
    [{ errorMessage: 'rewrap-overtaken' }, /Another re-wrap is under way/],
    [{}, /has stopped \(Unhandled\)/],
  ])('fails with a sentence when the function answers %j', async (error, sentence) => {
    lambda.on(InvokeCommand).resolves(answer(error, 'Unhandled'));
    await expect(run()).rejects.toThrow(Refusal);
    await expect(run()).rejects.toThrow(sentence);
  });

  it('is refused where the deployed stack does not know it', async () => {
    deployedWith({});
    await expect(run()).rejects.toThrow(/deploy this version of it first/);
  });
});
