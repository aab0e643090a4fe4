import type { RoutingConditions } from '../contracts/agent.ts';
import type { FieldError } from '../contracts/problem.ts';
import type { QueuedEvent } from '../contracts/queued-events.ts';
import { isJsonObject, type JsonObject, jsonOf } from './json.ts';
import { holdsWords, wordsOf } from './keywords.ts';
import { dialledDigits, isInternational, looksDialled, namesSender } from './senders.ts';

/** What conditions can be about. */
export interface Said {
  /** As `wordsOf` makes them: worked out when a keyword first asks. */
  readonly texts: () => readonly string[];
  readonly senderIds: readonly string[];
  readonly senderNumbers: readonly string[];
  readonly referralSourceId: string | undefined;
}

export const whatIsSaid = ({ customer, value }: Pick<QueuedEvent, 'customer' | 'value'>): Said => {
  let texts: readonly string[] | undefined;
  const senders = [customer.waId, textAt(value, ['from'])].filter((sender) => typeof sender === 'string');
  return {
    texts: () => (texts ??= textsOf(value).map(wordsOf)),
    senderIds: [customer.userId, customer.groupId].filter((id) => id !== null),
    senderNumbers: senders.map(dialledDigits).filter((digits) => digits !== ''),
    referralSourceId: textAt(value, ['referral', 'source_id']),
  };
};

/** The kinds of condition, in the order in which they are asked: the cheap ones first. */
export const conditionKinds = [
  'senders',
  'referralSourceIds',
  'keywords',
] as const satisfies readonly (keyof RoutingConditions)[];
export type ConditionKind = (typeof conditionKinds)[number];

/** The first kind of condition that is named and not met; undefined when all are. */
export const unmetCondition = (conditions: RoutingConditions, said: Said): ConditionKind | undefined =>
  conditionKinds.find((kind) => conditions[kind] !== undefined && metBy(kind, conditions, said) === undefined);

/** The entry that meets a kind of condition. */
export const metBy = (kind: ConditionKind, conditions: RoutingConditions, said: Said): string | undefined => {
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

/** Each text by itself: a phrase must not reach from one into the next. */
const textsOf = (message: JsonObject): readonly string[] => {
  const edited = at(message, ['edit', 'message']);
  return [
    ...spokenPlaces.flatMap((place) => textAt(message, place) ?? []),
    ...formEntriesOf(message),
    ...(isJsonObject(edited) ? spokenPlaces.flatMap((place) => textAt(edited, place) ?? []) : []),
  ];
};

/** A longer form is not read: in UTF-16 units. Meta's own limit of what a Flow may return is lower. */
const longestForm = 65_536;

/** What was filled into a Flow: JSON within JSON, whose `flow_token` is the business's own. */
const formEntriesOf = (message: JsonObject): readonly string[] => {
  const json = textAt(message, ['interactive', 'nfm_reply', 'response_json']);
  if (json === undefined || json.length > longestForm) return [];
  const form = jsonOf(json);
  if (!isJsonObject(form)) return [];
  return Object.entries(form)
    .filter(([name]) => name !== 'flow_token')
    .flatMap(([, entry]) => entry)
    .filter((entry) => typeof entry === 'string');
};

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value);

/** Meta writes some ids as numbers. */
const textAt = (value: unknown, path: readonly string[]): string | undefined => {
  const found = at(value, path);
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : undefined;
};

/** Conditions in the form in which they are kept: phone numbers as + and digits, spaces single. Refuses what could never be met and what says the same twice. */
export const tidyConditions = (
  conditions: RoutingConditions,
): { readonly conditions: RoutingConditions } | { readonly errors: readonly FieldError[] } => {
  const errors: FieldError[] = [];
  const kept: RoutingConditions = {};
  for (const kind of conditionKinds) {
    const entries = conditions[kind];
    if (entries === undefined) continue;
    const seen = new Set<string>();
    kept[kind] = entries.map((entry, index) => {
      const { sameAs, tidy, problem } = tidyEntry(kind, entry);
      const message = problem ?? (seen.has(sameAs) ? 'The list says the same above.' : undefined);
      if (message !== undefined) errors.push({ pointer: `/${kind}/${index}`, message });
      seen.add(sameAs);
      return tidy;
    });
  }
  return errors.length === 0 ? { conditions: kept } : { errors };
};

interface TidyEntry {
  readonly tidy: string;
  /** Two entries with the same are met by the same. */
  readonly sameAs: string;
  readonly problem?: string;
}

const tidyEntry = (kind: ConditionKind, entry: string): TidyEntry => {
  switch (kind) {
    case 'keywords': {
      const sameAs = wordsOf(entry);
      const tidy = entry.normalize('NFC').replace(/\s+/g, ' ').trim();
      return { tidy, sameAs, ...(sameAs === '' ? { problem: 'There is nothing to see in this keyword.' } : {}) };
    }
    case 'senders': {
      if (!looksDialled(entry)) return { tidy: entry, sameAs: entry };
      const tidy = `+${dialledDigits(entry)}`;
      return isInternational(entry)
        ? { tidy, sameAs: tidy }
        : { tidy: entry, sameAs: tidy, problem: 'A phone number needs its country code.' };
    }
    case 'referralSourceIds':
      return { tidy: entry, sameAs: entry };
    default:
      return kind satisfies never;
  }
};
