import * as z from 'zod';
import {
  type AgentId,
  agentId,
  type ConversationId,
  conversationId,
  type MediaId,
  mediaId,
  phoneNumberId,
  type TenantId,
  type TransferId,
  tenantId,
  transferId,
} from '../contracts/ids.ts';
import { inboundPrefix, mediaKind } from '../contracts/media.ts';
import { problemCode, problemDetails } from '../contracts/problem.ts';
import type { QueuedEvent } from '../contracts/queued-events.ts';
import { digestOf } from '../crypto/identifiers.ts';
import type { ConversationKey } from './conversation.ts';

/**
 * How far a transfer has come. `new`: nobody has asked for it. `queued`: it waits for a worker. `running`: a worker is at it. `done`, `failed`: what came of
 * it. `attempt` names the message on the queue that counts.
 * Times are ISO-8601 UTC.
 */
const progress = {
  state: z.enum(['new', 'queued', 'running', 'done', 'failed']),
  attempt: z.string().nullable(),
  changedAt: z.iso.datetime(),
  /** Why it failed, as the caller is told. */
  refusal: z.object({ refused: problemCode, details: problemDetails }).nullable(),
};

const common = { transferId, tenantId, agentId, phoneNumberId, createdAt: z.iso.datetime(), ...progress };

/** What a customer sent: that the agent was told of it is its right to it. Its id says no more than a hash does. */
const inbound = z.object({
  direction: z.literal('inbound'),
  ...common,
  mediaId,
  conversationId,
  /** When it came to us: nothing of it is had by whoever asks after its customer was erased. */
  receivedAt: z.iso.datetime(),
  /** Where it lies in the relay bucket. */
  object: z.object({ key: z.string(), contentType: z.string(), bytes: z.number().int() }).nullable(),
});
export type InboundTransfer = z.infer<typeof inbound>;

/** What the agent uploads, to be sent. */
const outbound = z.object({
  direction: z.literal('outbound'),
  ...common,
  objectKey: z.string(),
  contentType: z.string(),
  /** Meta's id, once it has it. */
  mediaId: mediaId.nullable(),
});
export type OutboundTransfer = z.infer<typeof outbound>;

export const mediaTransfer = z.discriminatedUnion('direction', [inbound, outbound]);
export type MediaTransfer = z.infer<typeof mediaTransfer>;

/** Of a transfer that nobody has asked for. */
export const notBegun = { state: 'new', attempt: null, refusal: null } as const;

/** What comes of an attempt. `new`: nothing, it may be asked for again. */
export type TransferEnd =
  | { readonly state: 'done'; readonly object: NonNullable<InboundTransfer['object']> }
  | { readonly state: 'done'; readonly mediaId: NonNullable<OutboundTransfer['mediaId']> }
  | { readonly state: 'failed'; readonly refusal: NonNullable<MediaTransfer['refusal']> }
  | { readonly state: 'new' };

export interface MediaTransferStore {
  /** Keeps what is there already. What is there then. @throws {Fault} store-unavailable, row-malformed */
  open(transfer: MediaTransfer): Promise<MediaTransfer>;
  /** @throws {Fault} store-unavailable, row-malformed */
  find(id: TransferId): Promise<MediaTransfer | undefined>;
  /** The transfer as it is then; undefined when somebody else has begun it since it was read. */
  begin(before: MediaTransfer, attempt: string, now: Date): Promise<MediaTransfer | undefined>;
  /** A worker takes it up, again after a crash. Undefined when another attempt counts, or it is over. */
  start(id: TransferId, attempt: string, now: Date): Promise<MediaTransfer | undefined>;
  /** False when another attempt has begun meanwhile: then this one counts for nothing. */
  finish(id: TransferId, attempt: string, end: TransferEnd, now: Date): Promise<boolean>;
}

/** A worker that has said nothing for so long is dead: longer than its function may run. In milliseconds. */
const longestAttempt = 6 * 60 * 1000;

/** Whoever has much to move waits; asked for anew it would stand at the end of the queue again. In milliseconds. */
const longestQueued = 60 * 60 * 1000;

/** Whoever is told to ask again learns of a failure within that time; after it, to ask is to try again. In milliseconds. */
const failureShownFor = 60_000;

/** Objects are gone within 48 hours; they are fetched anew long before. In milliseconds. */
const objectUsedFor = 20 * 60 * 60 * 1000;

/** Somebody is at it, or will be. */
export const isUnderWay = ({ state }: Pick<MediaTransfer, 'state'>): boolean =>
  state === 'queued' || state === 'running';

/** Whether somebody who asks now has to begin it. What Meta has taken is there for good. */
export const isToBegin = ({ direction, state, changedAt }: MediaTransfer, now: Date): boolean => {
  const age = now.getTime() - Date.parse(changedAt);
  switch (state) {
    case 'new':
      return true;
    case 'queued':
      return age > longestQueued;
    case 'running':
      return age > longestAttempt;
    case 'failed':
      return age > failureShownFor;
    case 'done':
      return direction === 'inbound' && age > objectUsedFor;
    default:
      return state satisfies never;
  }
};

/** The same for whoever asks for the media of a number under the name of an agent. */
export const inboundTransferId = (
  { tenantId: tenant, phoneNumberId: number }: Pick<InboundTransfer, 'tenantId' | 'phoneNumberId'>,
  agent: AgentId,
  media: MediaId,
): TransferId => transferId.parse(`med_${digestOf('media', tenant, number, agent, media)}`);

/** Where media of a conversation lie in the relay bucket: whoever erases a customer finds them by it. */
export const mediaBelow = (tenant: TenantId, conversation: ConversationId): string =>
  `${inboundPrefix}${tenant}/${conversation}/`;

const withMedia = z.object({ id: mediaId });

/** What an event gives its agent a right to: the media of a message of a customer, or of a human who answers from the Business app. */
export const mediaOfEvent = (
  {
    tenantId: tenant,
    phoneNumberId: number,
    conversationId: conversation,
    receivedAt,
  }: ConversationKey & { readonly receivedAt: string },
  { kind, value }: Pick<QueuedEvent, 'kind' | 'value'>,
  agent: AgentId,
  now: Date,
): InboundTransfer | undefined => {
  if (kind !== 'message' && kind !== 'echo') return undefined;
  const type = mediaKind.safeParse(value.type);
  const media = type.success ? withMedia.safeParse(value[type.data]) : undefined;
  if (type.data === undefined || media?.success !== true) return undefined;
  const [place, at] = [{ tenantId: tenant, phoneNumberId: number }, now.toISOString()];
  return {
    direction: 'inbound',
    transferId: inboundTransferId(place, agent, media.data.id),
    ...place,
    agentId: agent,
    conversationId: conversation,
    mediaId: media.data.id,
    receivedAt,
    object: null,
    createdAt: at,
    changedAt: at,
    ...notBegun,
  };
};
