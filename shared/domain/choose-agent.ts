import type { AgentRouting, ForwardedKind } from '../contracts/agent.ts';
import type { EventKind, QueuedEvent } from '../contracts/queued-events.ts';
import type { Binding, ConversationRecord, NumberRecord } from './records.ts';
import { unmetCondition, whatIsSaid } from './routing-conditions.ts';

/** The agent that gets an event, and by which rule. `kind`: nobody is the default agent, and it is the first that wants such events. */
export interface Choice {
  readonly binding: Binding;
  readonly because: 'conversation' | 'conditions' | 'default' | 'kind';
}

export type RoutedNumber = Pick<NumberRecord, 'bindings'>;
export type RoutedConversation = Pick<ConversationRecord, 'agentId' | 'agentUntil'>;
export type RoutedEvent = Pick<QueuedEvent, 'kind' | 'customer' | 'value'>;

/**
 * Which of a number's agents gets an event; undefined: nobody. A conversation stays with the agent that took it until it expires; then
 * a message goes to the first agent by priority whose conditions it meets, else to the default agent. What is not a message has no
 * say of its own: it follows the conversation, else it goes to the default agent. An agent gets only the kinds that it forwards,
 * and what belongs to one agent's conversation goes to no other instead.
 */
export const chooseAgent = (
  number: RoutedNumber,
  conversation: RoutedConversation | undefined,
  event: RoutedEvent,
  now: Date,
): Choice | undefined => {
  const chosen = choiceOf(number, conversation, event, now);
  return chosen !== undefined && forwards(chosen.binding, event.kind) ? chosen : undefined;
};

/** Before it is asked whether the agent wants events of that kind. */
const choiceOf = (
  number: RoutedNumber,
  conversation: RoutedConversation | undefined,
  event: RoutedEvent,
  now: Date,
): Choice | undefined => {
  const fallback = number.bindings.find(isDefault);
  if (event.kind === 'account') {
    if (fallback !== undefined && forwards(fallback, 'account')) return { binding: fallback, because: 'default' };
    const willing = byPriority(number).find((binding) => forwards(binding, 'account'));
    return willing && { binding: willing, because: 'kind' };
  }
  const keeper = keeperOf(number, conversation, event.kind, now);
  if (keeper !== undefined) return { binding: keeper, because: 'conversation' };
  if (event.kind === 'message') {
    const said = whatIsSaid(event);
    const first = byPriority(number).find(
      (binding) => forwards(binding, 'message') && unmetCondition(binding.routing.conditions, said) === undefined,
    );
    if (first !== undefined) return { binding: first, because: 'conditions' };
  }
  return fallback && { binding: fallback, because: 'default' };
};

/** The agent that a conversation stays with. What reports on its past belongs to its agent even after it has expired. */
export const keeperOf = (
  number: RoutedNumber,
  conversation: RoutedConversation | undefined,
  kind: EventKind,
  now: Date,
): Binding | undefined => {
  if (conversation === undefined || conversation.agentId === null || conversation.agentUntil === null) return undefined;
  const over = new Date(conversation.agentUntil) <= now;
  if (over && !reportsOnThePast(kind)) return undefined;
  return number.bindings.find(({ agentId }) => agentId === conversation.agentId);
};

const reportsOnThePast = (kind: EventKind): boolean => kind === 'status' || kind === 'failure';

/** A failure is about the agent's own reply: it can't do without. */
export const forwards = ({ behaviour }: Binding, kind: EventKind): boolean =>
  kind === 'failure' || (behaviour.forward as readonly ForwardedKind[]).includes(kind);

export type ConditionalBinding = Binding & { readonly routing: Extract<AgentRouting, { priority: number }> };

const isDefault = ({ routing }: Binding): boolean => 'default' in routing;
export const isConditional = (binding: Binding): binding is ConditionalBinding => 'priority' in binding.routing;

/** Those with conditions, in the order in which they are asked. The id decides a tie, so that it is never a matter of chance. */
const byPriority = ({ bindings }: RoutedNumber): readonly ConditionalBinding[] =>
  bindings
    .filter(isConditional)
    .sort((a, b) => a.routing.priority - b.routing.priority || (a.agentId < b.agentId ? -1 : 1));

/** All of them: the default agent comes last. */
export const askedInOrder = (number: RoutedNumber): readonly Binding[] => [
  ...byPriority(number),
  ...number.bindings.filter(isDefault),
];
