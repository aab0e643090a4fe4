import type { AgentEvent, Reply } from '../contracts/agent-event.ts';
import type { TenantId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import type { Binding } from './records.ts';

export type DispatchOutcome =
  /** `unreadable`: it holds messages, but not of the form that was agreed; none of them is sent. */
  | { readonly outcome: 'answered'; readonly replies: readonly Reply[]; readonly unreadable?: boolean }
  /** The agent will not take this event: repeating it would not help. */
  | { readonly outcome: 'refused'; readonly httpStatus: number }
  /** The agent will not take any event any more (410). */
  | { readonly outcome: 'gone' }
  /** Nothing is known or the agent is busy: repeat. */
  | { readonly outcome: 'failed'; readonly reason: string };

export interface Dispatcher {
  /**
   * One signed request to the agent's target, at most 10 s. `webhook-id` stays the same over all repeats. Signed with each of the
   * secrets: two while a rotation lasts.
   */
  dispatch(binding: Binding, event: AgentEvent, signingSecrets: readonly Uint8Array[]): Promise<DispatchOutcome>;
}

/** Limit of one dispatch, in milliseconds. What can't end in time is not begun. */
export const dispatchTimeout = 10_000;

/** The secrets that sign for an agent: its own, and the one before while it signs too. */
export const signingSecretsOf = (tenantId: TenantId, binding: Binding, now: Date): readonly SecretIdentity[] => {
  const { agentId: ownerId, secretVersion, previousSecretVersion: previous, previousSignsUntil: until } = binding;
  const versions = [secretVersion];
  if (previous !== null && until !== null && new Date(until) > now) versions.push(previous);
  return versions.map((version) => ({ tenantId, ownerId, purpose: 'agent-signature', secretVersion: version }));
};
