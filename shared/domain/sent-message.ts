import * as z from 'zod';
import {
  agentId,
  conversationId,
  credentialId,
  type MessageId,
  messageId,
  phoneNumberId,
  tenantId,
} from '../contracts/ids.ts';
import { type MessageStatus, messageProblem, messageStatus, type SentMessage } from '../contracts/message.ts';

/** A message that an agent sent through the API. What it said is kept nowhere; Meta's id of it holds the customer's phone number, so it goes with the customer. */
export const messageRecord = z.object({
  messageId,
  tenantId,
  agentId,
  phoneNumberId,
  /** Not in rows of before. */
  credentialId: credentialId.optional(),
  conversationId,
  /** Who sent it: id of the agent's key, or subject of the access token. */
  sentBy: z.string(),
  status: messageStatus,
  wamid: z.string().nullable(),
  failure: messageProblem.nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type MessageRecord = z.infer<typeof messageRecord>;

export interface MessageStore {
  /**
   * Writes down that it is about to be sent. The record as it is already, where it was begun before: what Meta has not taken (`refused`) may
   * be begun again.
   */
  begin(message: MessageRecord): Promise<MessageRecord | undefined>;
  /** What came of it. @throws {Fault} store-unavailable */
  finish(id: MessageId, end: Pick<MessageRecord, 'status' | 'wamid' | 'failure'>): Promise<void>;
  find(id: MessageId): Promise<MessageRecord | undefined>;
  /** What Meta reports, unless more is known already. Nothing happens for a message that is not the tenant's. */
  note(id: MessageId, tenant: MessageRecord['tenantId'], report: MessageReport): Promise<void>;
}

export type MessageReport = Pick<MessageRecord, 'status' | 'failure'> & { readonly wamid: string | null };

/** Statuses come in any order, and some never: what is known never becomes less. A failure is final. */
const ranks = {
  sending: 0,
  unknown: 1,
  refused: 1,
  accepted: 2,
  sent: 3,
  delivered: 4,
  read: 5,
  failed: 6,
} as const satisfies Record<MessageStatus, number>;

/** Statuses that this one may take the place of. */
export const before = (status: MessageStatus): readonly MessageStatus[] =>
  messageStatus.options.filter((other) => ranks[other] < ranks[status]);

export const messageView = ({
  messageId: id,
  wamid,
  status,
  failure,
  createdAt,
  updatedAt,
}: MessageRecord): SentMessage => ({
  id,
  wamid,
  status,
  failure,
  createdAt,
  updatedAt,
});
