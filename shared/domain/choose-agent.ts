import type { AgentRouting, ForwardedKind, RoutingConditions } from '../contracts/agent.ts';
import type { EventKind, QueuedEvent } from '../contracts/queued-events.ts';
import { holdsWords, wordsOf } from './keywords.ts';
import type { Binding, ConversationRecord, NumberRecord } from './records.ts';
import { dialledDigits, namesSender } from './senders.ts';

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
const keeperOf = (
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
const forwards = ({ behaviour }: Binding, kind: EventKind): boolean =>
  kind === 'failure' || (behaviour.forward as readonly ForwardedKind[]).includes(kind);

type ConditionalBinding = Binding & { readonly routing: Extract<AgentRouting, { priority: number }> };

const isDefault = ({ routing }: Binding): boolean => 'default' in routing;
const isConditional = (binding: Binding): binding is ConditionalBinding => 'priority' in binding.routing;

/** Those with conditions, in the order in which they are asked. The id decides a tie, so that it is never a matter of chance. */
const byPriority = ({ bindings }: RoutedNumber): readonly ConditionalBinding[] =>
  bindings
    .filter(isConditional)
    .sort((a, b) => a.routing.priority - b.routing.priority || (a.agentId < b.agentId ? -1 : 1));

/** What conditions can be about. */
interface Said {
  /** As `wordsOf` makes them: worked out when a keyword first asks. */
  readonly texts: () => readonly string[];
  readonly senderIds: readonly string[];
  readonly senderNumbers: readonly string[];
  readonly referralSourceId: string | undefined;
}

const whatIsSaid = ({ customer, value }: RoutedEvent): Said => {
  let texts: readonly string[] | undefined;
  const senders = [customer.waId, textAt(value, ['from'])].filter((sender) => typeof sender === 'string');
  return {
    texts: () => (texts ??= textsOf(value).map(wordsOf)),
    senderIds: [customer.userId, customer.groupId].filter((id) => id !== null),
    senderNumbers: senders.map(dialledDigits),
    referralSourceId: textAt(value, ['referral', 'source_id']),
  };
};

/** The kinds of condition, in the order in which they are asked: the cheap ones first. */
const conditionKinds = [
  'senders',
  'referralSourceIds',
  'keywords',
] as const satisfies readonly (keyof RoutingConditions)[];
type ConditionKind = (typeof conditionKinds)[number];

/** The first kind of condition that is named and not met; undefined when all are. */
const unmetCondition = (conditions: RoutingConditions, said: Said): ConditionKind | undefined =>
  conditionKinds.find((kind) => conditions[kind] !== undefined && metBy(kind, conditions, said) === undefined);

/** The entry that meets a kind of condition. */
const metBy = (kind: ConditionKind, conditions: RoutingConditions, said: Said): string | undefined => {
  const entries = conditions[kind] ?? [];
  switch (kind) {
    case 'senders':
      return entries.find((entry) => namesSender(entry, said.senderIds, said.senderNumbers));
    case 'referralSourceIds':
      return entries.find((entry) => entry === said.referralSourceId);
    case 'keywords':
      return entries.find((entry) => {
        const keyword = wordsOf(entry);
        return said.texts().some((text) => holdsWords(text, keyword));
      });
    default:
      return kind satisfies never;
  }
};

/** Where in Meta's object stands what a customer wrote or chose. */
const spokenPlaces = [
  ['text', 'body'],
  ['image', 'caption'],
  ['video', 'caption'],
  ['audio', 'caption'],
  ['document', 'caption'],
  ['button', 'text'],
  ['button', 'payload'],
  ['interactive', 'button_reply', 'title'],
  ['interactive', 'button_reply', 'id'],
  ['interactive', 'list_reply', 'title'],
  ['interactive', 'list_reply', 'id'],
  ['interactive', 'list_reply', 'description'],
  ['order', 'text'],
] as const;

type MetaObject = Readonly<Record<string, unknown>>;

/** Each text by itself: a phrase must not reach from one into the next. */
const textsOf = (message: MetaObject): readonly string[] => {
  const edited = at(message, ['edit', 'message']);
  return [
    ...spokenPlaces.flatMap((place) => textAt(message, place) ?? []),
    ...formEntriesOf(message),
    ...(isObject(edited) ? spokenPlaces.flatMap((place) => textAt(edited, place) ?? []) : []),
  ];
};

/** A longer form is not read: in UTF-16 units. Meta's own limit of what a Flow may return is lower. */
const longestForm = 65_536;

/** What was filled into a Flow: JSON within JSON, whose `flow_token` is the business's own. */
const formEntriesOf = (message: MetaObject): readonly string[] => {
  const json = textAt(message, ['interactive', 'nfm_reply', 'response_json']);
  if (json === undefined || json.length > longestForm) return [];
  try {
    const form: unknown = JSON.parse(json);
    if (!isObject(form)) return [];
    return Object.entries(form)
      .filter(([name]) => name !== 'flow_token')
      .flatMap(([, entry]) => entry)
      .filter((entry) => typeof entry === 'string');
  } catch {
    return [];
  }
};

const isObject = (value: unknown): value is MetaObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);

/** Meta writes some ids as numbers. */
const textAt = (value: unknown, path: readonly string[]): string | undefined => {
  const found = at(value, path);
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : undefined;
};
