import type { RoutingVerdict } from '../contracts/routing-preview.ts';
import {
  askedInOrder,
  type Choice,
  chooseAgent,
  forwards,
  isConditional,
  keeperOf,
  type RoutedConversation,
  type RoutedEvent,
  type RoutedNumber,
} from './choose-agent.ts';
import type { Binding } from './records.ts';
import {
  type ConditionKind,
  conditionKinds,
  metBy,
  type Said,
  unmetCondition,
  whatIsSaid,
} from './routing-conditions.ts';

export interface ExplainedBinding {
  readonly binding: Binding;
  readonly verdict: RoutingVerdict;
  readonly reason: string;
}

export interface ExplainedChoice {
  /** The very one of `chooseAgent`. */
  readonly choice: Choice | undefined;
  readonly explanation: string;
  /** Every agent of the number: those with conditions as they are asked, then the default agent. */
  readonly bindings: readonly ExplainedBinding[];
}

/** Which agent gets a message, and for every agent why it is the one or is not, in plain words. */
export const explainChoice = (
  number: RoutedNumber,
  conversation: RoutedConversation | undefined,
  message: Omit<RoutedEvent, 'kind'>,
  now: Date,
): ExplainedChoice => {
  const event = { ...message, kind: 'message' } as const;
  const choice = chooseAgent(number, conversation, event, now);
  const keeper = keeperOf(number, conversation, event.kind, now);
  const said = whatIsSaid(event);
  const bindings = askedInOrder(number).map((binding) => ({
    binding,
    ...(binding === choice?.binding ? chosen(choice, conversation, said) : passedOver(binding, choice, keeper, said)),
  }));
  return { choice, explanation: explanationOf(choice, keeper, bindings), bindings };
};

type Explained = Omit<ExplainedBinding, 'binding'>;

const chosen = ({ binding, because }: Choice, conversation: RoutedConversation | undefined, said: Said): Explained => {
  const reason = {
    conversation: `The conversation stays with it until ${conversation?.agentUntil ?? 'then'}.`,
    conditions: `The message meets all its conditions: ${conditionsMet(binding, said)}.`,
    default: 'It is the default agent, and the conditions of no other agent are met.',
    kind: 'It forwards such events.',
  }[because];
  return { verdict: 'chosen', reason };
};

const passedOver = (
  binding: Binding,
  choice: Choice | undefined,
  keeper: Binding | undefined,
  said: Said,
): Explained => {
  if (!forwards(binding, 'message'))
    return { verdict: 'kind-not-forwarded', reason: 'It does not forward messages (behaviour.forward).' };
  if (keeper !== undefined)
    return { verdict: 'conversation-elsewhere', reason: `The conversation stays with agent ${keeper.agentId}.` };
  const winner = choice === undefined ? 'another agent' : `agent ${choice.binding.agentId}`;
  if (!isConditional(binding))
    return { verdict: 'not-needed', reason: `It is the default agent, and ${winner} takes it.` };
  const unmet = unmetCondition(binding.routing.conditions, said);
  return unmet === undefined
    ? { verdict: 'outranked', reason: `The message meets its conditions, but ${winner} is asked first.` }
    : { verdict: 'conditions-unmet', reason: unmetReasons[unmet] };
};

const unmetReasons = {
  senders: 'The sender is not among its senders.',
  referralSourceIds: 'The customer did not come through one of its ads or posts.',
  keywords: 'None of its keywords is in the message.',
} as const satisfies Record<ConditionKind, string>;

const conditionsMet = (binding: Binding, said: Said): string => {
  if (!isConditional(binding)) return 'it names none';
  const { conditions } = binding.routing;
  return conditionKinds
    .flatMap((kind) => {
      const entry = metBy(kind, conditions, said);
      return entry === undefined ? [] : `${metWords[kind]} “${entry}”`;
    })
    .join(', ');
};

const metWords = { senders: 'sender', referralSourceIds: 'ad or post', keywords: 'keyword' } as const satisfies Record<
  ConditionKind,
  string
>;

const explanationOf = (
  choice: Choice | undefined,
  keeper: Binding | undefined,
  bindings: readonly ExplainedBinding[],
): string => {
  const own = bindings.find(({ verdict }) => verdict === 'chosen');
  if (choice !== undefined && own !== undefined) return `Agent ${choice.binding.agentId} gets it. ${own.reason}`;
  if (bindings.length === 0) return 'Nobody gets it: the number has no agent.';
  if (keeper !== undefined)
    return `Nobody gets it: the conversation stays with agent ${keeper.agentId}, which does not forward messages.`;
  return bindings.some(({ binding }) => !isConditional(binding))
    ? 'Nobody gets it: no conditions are met, and the default agent does not forward messages.'
    : 'Nobody gets it: no conditions are met, and the number has no default agent.';
};
