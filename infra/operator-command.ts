// What the operator's commands have in common: options, the outputs of the deployed stack, and sentences instead of stack traces.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';

/** A command that can't be done. The message is a sentence for who typed it. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
}

/** Reads a command line. @throws CommandRefused, with the usage, for an unknown option or one that the schema refuses. */
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
    throw new CommandRefused(`${reason}\nUsage: ${usage}`, { cause });
  }
}

/** The outputs of a deployed stack, by name. @throws CommandRefused when there is no such stack. */
export async function outputsOf(
  stack: string,
  cloudFormation: Pick<CloudFormationClient, 'send'>,
): Promise<Record<string, string | undefined>> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: stack }));
    const outputs = Stacks?.[0]?.Outputs ?? [];
    return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue }) => [OutputKey, OutputValue]));
  } catch (cause) {
    if (!messageOf(cause).includes('does not exist')) throw cause;
    throw new CommandRefused(
      `There is no stack ${stack} in this account and region: deploy it, or name it with --stack.`,
      { cause },
    );
  }
}

/** A sentence for what the SDK throws before it has reached AWS, and for what AWS refuses. */
export function explain(error: unknown): string {
  if (error instanceof CommandRefused) return error.message;
  const message = messageOf(error);
  if (error instanceof Error && error.name === 'CredentialsProviderError')
    return 'There are no AWS credentials: sign in to the account of the stack first.';
  if (message.includes('Region is missing')) return 'There is no AWS region: set AWS_REGION to that of the stack.';
  return `AWS refused: ${message}`;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
