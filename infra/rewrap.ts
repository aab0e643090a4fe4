// `npm run rewrap`: moves every secret of a deployed Vault to its current KMS key; docs/operations.md, Re-wrap.
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { type RewrapProgress, type RewrapRequest, rewrapProgress } from '../shared/contracts/rewrap.ts';
import { Refusal } from './local/refusal.ts';
import { deployedStack, explain, parsedOptions } from './operator-command.ts';

const usage = 'npm run rewrap -- [--restart] [--stack Switchboard]';

const options = z.strictObject({ restart: z.boolean().default(false), stack: z.string().default('Switchboard') });
export type RewrapOptions = z.output<typeof options>;

export interface Clients {
  readonly cloudFormation: Pick<CloudFormationClient, 'send'>;
  readonly lambda: Pick<LambdaClient, 'send'>;
}

/** @throws Refusal for an unknown option. */
export const parseRewrapOptions = (args: string[]): RewrapOptions =>
  parsedOptions(options, { args, options: { restart: { type: 'boolean' }, stack: { type: 'string' } } }, usage);

/**
 * Invokes the function of the stack until every row is dealt with, and says after each invocation how far it has come.
 * @throws Refusal when there is no such stack, or the function stops, or rows are left that could not be moved.
 */
export async function rewrap(
  { restart, stack }: RewrapOptions,
  clients: Clients,
  say: (line: string) => void,
): Promise<void> {
  const { outputs } = await deployedStack(stack, clients.cloudFormation);
  const { RewrapVaultFunction: name } = outputs;
  if (name === undefined) throw new Refusal(`${stack} cannot re-wrap yet: deploy this version of it first.`);
  let progress = await invoke(name, { restart }, clients);
  while (progress.finishedAt === null) {
    say(lineOf(progress));
    progress = await invoke(name, { restart: false }, clients);
  }
  say(lineOf(progress));
  if (progress.failed > 0) throw new Refusal(failureOf(progress));
}

async function invoke(name: string, request: RewrapRequest, { lambda }: Clients): Promise<RewrapProgress> {
  const { FunctionError, Payload } = await lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(request) }),
  );
  const answer: unknown = JSON.parse(Buffer.from(Payload ?? []).toString() || 'null');
  if (FunctionError === undefined) return rewrapProgress.parse(answer);
  const code = z.object({ errorMessage: z.string() }).safeParse(answer).data?.errorMessage ?? FunctionError;
  throw new Refusal(
    code === 'rewrap-overtaken'
      ? 'Another re-wrap is under way: let it finish.'
      : `The re-wrap has stopped (${code}): run it again, it goes on where it was. The log of ${name} says more.`,
  );
}

const lineOf = ({ scanned, moved, skipped, failed, startedAt, finishedAt }: RewrapProgress) =>
  `${scanned} secrets: ${moved} moved, ${skipped} gone or changed meanwhile, ${failed} failed ` +
  (finishedAt === null ? `(since ${startedAt})` : `(finished ${finishedAt})`);

const failureOf = ({ failed, failures }: RewrapProgress) =>
  [
    `${failed} secrets could not be moved, so the former key has to stay. As tenant#owner purpose#version:`,
    ...failures.map((row) => `  ${row}`),
    ...(failed > failures.length
      ? [`  and ${failed - failures.length} more, which the log of the function names`]
      : []),
    'Have them set anew by their owners, then run it with --restart.',
  ].join('\n');

if (import.meta.main) {
  try {
    const clients = { cloudFormation: new CloudFormationClient(), lambda: new LambdaClient() };
    await rewrap(parseRewrapOptions(process.argv.slice(2)), clients, (line) => console.log(line));
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
}
