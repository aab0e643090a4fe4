// What the operator's commands have in common: options, the deployed stack, and sentences instead of stack traces.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { Refusal } from './local/refusal.ts';

/** Reads a command line. @throws Refusal, with the usage, for an unknown option or one that the schema refuses. */
export function parsedOptions<Schema extends z.ZodType>(
  schema: Schema,
  config: ParseArgsConfig,
  usage: string,
): z.output<Schema> {
  try {
    return schema.parse(parseArgs(config).values);
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? cause.issues.map(({ message }) => message).join(' ') : messageOf(cause);
    throw new Refusal(`${reason}\nUsage: ${usage}`, { cause });
  }
}

export interface DeployedStack {
  readonly outputs: Readonly<Record<string, string | undefined>>;
  readonly account: string;
  readonly region: string;
}

/** What a deployment says of itself. @throws Refusal when there is no such stack in this account and region */
export async function deployedStack(
  name: string,
  cloudFormation: Pick<CloudFormationClient, 'send'>,
): Promise<DeployedStack> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    const [, , , region = '', account = ''] = Stacks?.[0]?.StackId?.split(':') ?? [];
    const outputs = Stacks?.[0]?.Outputs ?? [];
    return {
      outputs: Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue }) => [OutputKey, OutputValue])),
      account,
      region,
    };
  } catch (cause) {
    if (!messageOf(cause).includes('does not exist')) throw cause;
    throw new Refusal(`There is no stack ${name} in this account and region: deploy it, or name it with --stack.`, {
      cause,
    });
  }
}

/** A sentence for what the SDK throws before it has reached AWS, and for what AWS refuses. */
export function explain(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const message = messageOf(error);
  if (error instanceof Error && error.name === 'CredentialsProviderError')
    return 'There are no AWS credentials: sign in to the account of the stack first.';
  if (message.includes('Region is missing')) return 'There is no AWS region: set AWS_REGION to that of the stack.';
  return `AWS refused: ${message}`;
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A table as lines: each column as wide as its widest cell. */
export function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Undefined for what is no JSON. */
export function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
