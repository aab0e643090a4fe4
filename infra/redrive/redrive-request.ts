import * as z from 'zod';
import { conversationId } from '../../shared/contracts/ids.ts';
import { Refusal } from '../local/refusal.ts';
import { parsedOptions } from '../operator-command.ts';

/** What can be redriven, and the output of the stack that names its queue. */
export const queueOutputs = {
  events: 'EventsQueueUrl',
  'set-up': 'SetUpQueueUrl',
  'clean-up': 'CleanUpQueueUrl',
  reseal: 'ResealQueueUrl',
  release: 'ReleaseQueueUrl',
  check: 'CheckQueueUrl',
  alerts: 'AlertQueueUrl',
} as const;
export type QueueName = keyof typeof queueOutputs;

const queueNames = Object.keys(queueOutputs) as [QueueName, ...QueueName[]];

const usage =
  `npm run redrive -- [--queue ${queueNames.join('|')}] [--conversation conv_…] [--limit 1000] ` +
  '[--confirm [--include-unreadable]] [--stack Switchboard] [--state-dir .local]';

/** One run keeps a note of each message that it has in hand, and hides it from others for a while: both only up to here. */
const mostMessages = 10_000;

const options = z.strictObject({
  queue: z.enum(queueNames, { error: `The queue is one of ${queueNames.join(', ')}.` }).default('events'),
  conversation: z
    .string()
    .refine((id) => conversationId.safeParse(id).success, { error: 'A conversation looks like conv_….' })
    .optional(),
  limit: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'The limit is a number of messages.' })
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= mostMessages, { error: `The limit is 1 to ${mostMessages} messages.` })
    .default(1000),
  confirm: z.boolean().default(false),
  'include-unreadable': z.boolean().default(false),
  stack: z.string().default('Switchboard'),
  'state-dir': z.string().min(1).optional(),
});

export interface RedriveRequest {
  readonly queue: QueueName;
  /** Only what is of this conversation. */
  readonly conversation: string | undefined;
  /** So many messages at most are shown or moved. */
  readonly limit: number;
  /** Left out, nothing is moved. */
  readonly confirm: boolean;
  readonly includeUnreadable: boolean;
  readonly stack: string;
  /** Given for a running copy on this machine; else the stack is on AWS. */
  readonly stateDirectory: string | undefined;
}

/** Reads the command line. @throws Refusal for an unknown or malformed option, and for two that contradict each other */
export function parseRedriveRequest(args: string[]): RedriveRequest {
  const [text, flag] = [{ type: 'string' } as const, { type: 'boolean' } as const];
  const {
    'include-unreadable': includeUnreadable,
    'state-dir': stateDirectory,
    conversation,
    ...rest
  } = parsedOptions(
    options,
    {
      args,
      options: {
        queue: text,
        conversation: text,
        limit: text,
        confirm: flag,
        'include-unreadable': flag,
        stack: text,
        'state-dir': text,
      },
    },
    usage,
  );
  if (conversation !== undefined && rest.queue !== 'events')
    throw new Refusal(`Only events have a conversation.\nUsage: ${usage}`);
  if (conversation !== undefined && includeUnreadable)
    throw new Refusal(`Of what is unreadable nobody knows the conversation.\nUsage: ${usage}`);
  return { ...rest, conversation, includeUnreadable, stateDirectory };
}
