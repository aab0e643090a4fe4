// `npm run redrive`: shows what failed for good and, with --confirm, puts it back into its queue; docs/runbook.md, EventsDeadLettered.
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { clientConfiguration, endpointOf } from './local/aws-endpoint.ts';
import { Refusal } from './local/refusal.ts';
import { readStack } from './local/stack-file.ts';
import { StateDirectory } from './local/state-directory.ts';
import { deployedStack, explain } from './operator-command.ts';
import { type Content, type DeadLetterQueue, eventsIn, workIn } from './redrive/dead-letter.ts';
import { HandedOut } from './redrive/handed-out.ts';
import { type Moved, move } from './redrive/move.ts';
import { preview, type Shown, shownOf } from './redrive/preview.ts';
import { parseRedriveRequest, queueOutputs, type RedriveRequest } from './redrive/redrive-request.ts';
import { sqsDeadLetters } from './redrive/sqs-dead-letters.ts';
import { type WhatIsKnown, whatIsKnown } from './redrive/what-is-known.ts';

/** Of one conversation alone: so many messages of others are looked through for it. SQS can't be asked for a conversation. */
const mostLookedThrough = 10_000;

export interface RedrivePorts {
  readonly deadLetters: DeadLetterQueue;
  readonly known: WhatIsKnown;
}

type Wish = Pick<RedriveRequest, 'queue' | 'conversation' | 'limit' | 'confirm' | 'includeUnreadable'>;

/** Shows what lies among the dead letters, or moves it; says what it does line by line. */
export async function redrive(wish: Wish, ports: RedrivePorts, say: (line: string) => void): Promise<void> {
  const { deadLetters } = ports;
  const total = await deadLetters.count();
  if (wish.confirm) await moveBack(wish, ports, say);
  else await show(wish, total, ports, say);
}

async function show(wish: Wish, total: number, ports: RedrivePorts, say: (line: string) => void): Promise<void> {
  const shown: Shown[] = [];
  {
    await using handedOut = handedOutOf(wish, ports);
    for await (const batch of handedOut.batches(mostOf(wish)))
      shown.push(...batch.filter(({ content }) => concerns(wish, content)).map(shownOf));
  }
  const within = shown.slice(0, wish.limit);
  for (const line of await preview(within, ports.known)) say(line);
  say(`${within.length} of about ${total} dead letters of ${wish.queue}. Nothing has been moved.`);
  if (within.length === 0) return;
  if (wish.queue === 'events')
    say('SQS shows ten messages of a conversation at a time: there may be more behind them.');
  say('With --confirm they go back into their queue, in order within a conversation.');
}

async function moveBack(wish: Wish, ports: RedrivePorts, say: (line: string) => void): Promise<void> {
  let moved: Moved = { messages: 0, events: 0, conversations: 0 };
  try {
    await using handedOut = handedOutOf(wish, ports);
    const wanted = (content: Content) =>
      concerns(wish, content) && (content.type !== 'unreadable' || wish.includeUnreadable);
    const bounds = { wanted, most: mostOf(wish), limit: wish.limit };
    for await (const soFar of move(handedOut, ports.deadLetters, bounds)) moved = soFar;
  } finally {
    say(
      wish.queue === 'events'
        ? `Moved ${moved.messages} messages with ${moved.events} events of ${moved.conversations} conversations.`
        : `Moved ${moved.messages} messages.`,
    );
  }
  say(`About ${await ports.deadLetters.count()} dead letters of ${wish.queue} are left.`);
}

const handedOutOf = ({ queue }: Wish, { deadLetters }: RedrivePorts) =>
  new HandedOut(deadLetters, queue === 'events' ? eventsIn : workIn);

const mostOf = ({ conversation, limit }: Wish) => (conversation === undefined ? limit : mostLookedThrough);

const concerns = ({ conversation }: Wish, content: Content): boolean =>
  conversation === undefined || (content.type === 'events' && content.conversation?.id === conversation);

async function portsOf({ queue, stack, stateDirectory }: RedriveRequest): Promise<RedrivePorts> {
  const configuration =
    stateDirectory === undefined ? {} : clientConfiguration(endpointOf(readStack(new StateDirectory(stateDirectory))));
  const { outputs } = await deployedStack(stack, new CloudFormationClient(configuration));
  const output = (name: string): string => {
    const value = outputs[name];
    if (value === undefined) throw new Refusal(`${stack} has no output ${name}: deploy this version of it first.`);
    return value;
  };
  return {
    deadLetters: await sqsDeadLetters(new SQSClient(configuration), output(queueOutputs[queue])),
    known: whatIsKnown(new DynamoDBClient(configuration), {
      directory: output('DirectoryTable'),
      events: output('EventsTable'),
    }),
  };
}

if (import.meta.main) {
  try {
    const request = parseRedriveRequest(process.argv.slice(2));
    await redrive(request, await portsOf(request), (line) => console.log(line));
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
}
