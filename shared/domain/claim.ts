import * as z from 'zod';
import { type Reply, reply } from '../contracts/agent-event.ts';
import type { AgentId, ConversationId, CredentialId, EventId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { EventKind } from '../contracts/queued-events.ts';

/**
 * How far an event has come: leased → answered → sending(i) → sent(i) → done, or leased → held and on from there. The state that is found after a crash decides
 * what may be repeated: a dispatch always, a send never once it is `sending`. Such a doubtful reply makes the claim `unknown`.
 */
export const claimState = z.enum(['leased', 'held', 'answered', 'sending', 'sent', 'done', 'unknown']);
export type ClaimState = z.infer<typeof claimState>;

/** What became of one reply. Why no wamid: it holds the customer's phone number. `unknown`: it was being sent when the router died or Meta did not answer. */
export const replyFate = z.discriminatedUnion('fate', [
  z.object({ fate: z.literal('sent') }),
  z.object({ fate: z.literal('refused'), metaCode: z.number().nullable() }),
  z.object({ fate: z.literal('unknown') }),
]);
export type ReplyFate = z.infer<typeof replyFate>;

export const claimProgress = z.object({
  state: claimState,
  /** Replies of the agent that wait to be sent. Kept only until all have a fate, and a day at most. */
  replies: z.array(reply).nullable(),
  /** One per reply that has been dealt with, in order. The reply under way has the next index. */
  fates: z.array(replyFate),
  /** Rounds so far in which the agent did not take it or Meta not a reply of it. What goes wrong with ourselves says nothing about either. */
  failures: z.number().int(),
  /** How often it has been claimed, this time included. */
  claims: z.number().int(),
});
export type ClaimProgress = z.infer<typeof claimProgress>;

export type ClaimOutcome =
  | { readonly outcome: 'claimed'; readonly progress: ClaimProgress; readonly held: HeldClaim }
  /** Dealt with before: acknowledge. */
  | { readonly outcome: 'finished' }
  /** It is held: acknowledge, whoever lets it go will find it. */
  | { readonly outcome: 'held' }
  /** Somebody else is at it: fail, never acknowledge. */
  | { readonly outcome: 'busy' };

export interface ClaimStep {
  readonly state: ClaimState;
  readonly replies: readonly Reply[] | null;
  readonly fates: readonly ReplyFate[];
  /** The agent will not have it, nor any repeat of it. */
  readonly isRefused?: true;
}

/** A claim that this invocation holds. Every step throws {Fault} claim-lost when the lease has passed to somebody else. */
export interface HeldClaim {
  readonly leaseId: string;
  record(step: ClaimStep): Promise<void>;
  /** Gives the lease back, so that the next delivery need not wait for it to run out. `failed`: the round counts as a failure. */
  release(because?: 'failed'): Promise<void>;
}

export interface ClaimStore {
  /** Replies of the agent lie with the conversation, so that they can be found when its customer is erased. */
  claim(event: ClaimedEvent): Promise<ClaimOutcome>;
}

export interface ClaimedEvent {
  readonly eventId: EventId;
  readonly tenantId: TenantId;
  /** What delivered it. */
  readonly credentialId: CredentialId;
  /** Null for what is about the account. */
  readonly phoneNumberId: PhoneNumberId | null;
  /** Null when no agent gets it. */
  readonly agentId: AgentId | null;
  readonly kind: EventKind;
  readonly receivedAt: string;
  /** Null for what nobody answers. */
  readonly conversationId: ConversationId | null;
  /** It is being let go: a claim that is held may be taken up. */
  readonly isReleased: boolean;
  /** It says that a reply which Meta had taken was not delivered; with Meta's code, where there is one. */
  readonly undelivered?: { readonly code: number | null };
}
