import type { AgentEvent, Reply } from '../contracts/agent-event.ts';
import type { TenantId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { AgentRecord, Binding } from './records.ts';

export type DispatchOutcome =
  /** `unreadable`: it holds messages, but not of the form that was agreed; none of them is sent. */
  | {
      readonly outcome: 'answered';
      readonly replies: readonly Reply[];
      readonly unreadable?: boolean;
      /** Absent where the event was put into a queue: nobody has answered. */
      readonly httpStatus?: number;
    }
  /** The agent will not take this event: repeating it would not help. */
  | { readonly outcome: 'refused'; readonly httpStatus: number }
  /** The agent will not take any event any more (410). */
  | { readonly outcome: 'gone' }
  /** Nothing is known or the agent is busy: repeat, not before `retryAfterSeconds` where the agent has asked for a pause. */
  | {
      readonly outcome: 'failed';
      /** A code, never a text of the agent's. */
      readonly reason: string;
      readonly httpStatus?: number;
      readonly retryAfterSeconds?: number;
    };

export interface Dispatcher {
  /**
   * One signed request to the agent's target, at most 10 s. `webhook-id` stays the same over all repeats. Signed with each of the
   * secrets: two while a rotation lasts.
   */
  dispatch(
    binding: Pick<Binding, 'target'>,
    event: AgentEvent,
    signingSecrets: readonly Uint8Array[],
  ): Promise<DispatchOutcome>;
}

/** Limit of one dispatch, in milliseconds. What can't end in time is not begun. */
export const dispatchTimeout = 10_000;

/** Whose signing secrets: of an agent, or of its binding in a number's item. */
export type SigningEdition = Pick<
  AgentRecord | Binding,
  'agentId' | 'secretVersion' | 'previousSecretVersion' | 'previousSignsUntil'
>;

/** One edition of an agent's signing secret. */
export const signingSecretOf = (tenantId: TenantId, agentId: string, secretVersion: number) =>
  ({ tenantId, ownerId: agentId, purpose: 'agent-signature', secretVersion }) as const satisfies SecretIdentity;

/** The secrets that sign now: the current one first, and the one before while a rotation lasts. */
export const signingSecretsOf = (tenantId: TenantId, edition: SigningEdition, now: Date): readonly SecretIdentity[] => {
  const { agentId, secretVersion, previousSecretVersion: previous, previousSignsUntil: until } = edition;
  const signsStill = previous !== null && until !== null && new Date(until) > now;
  return [secretVersion, ...(signsStill ? [previous] : [])].map((version) =>
    signingSecretOf(tenantId, agentId, version),
  );
};
