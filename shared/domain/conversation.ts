import {
  type AgentId,
  type ConversationId,
  type CredentialId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
} from '../contracts/ids.ts';
import type { NumberNote } from './customer-service-window.ts';
import type { ConversationRecord, CountedNumber, CredentialRecord } from './records.ts';

/** Meta repeats for 7 days and held events live for 14: a conversation is remembered longer than either. In seconds. */
const lifetimeSeconds = 30 * 24 * 60 * 60;

export interface RoutingState {
  readonly number: CountedNumber | undefined;
  readonly conversations: ReadonlyMap<ConversationId, ConversationRecord>;
}

export interface RoutingStore {
  /** One consistent read of all of it, never earlier than it is asked for. */
  read(phoneNumberId: PhoneNumberId, conversationIds: readonly ConversationId[]): Promise<RoutingState>;
  /** False when it has changed since it was read. */
  save(before: ConversationRecord | undefined, after: ConversationRecord): Promise<boolean>;
  /** Writes into the number's item what comes in, unless the number has passed on since it was read. */
  note(number: CountedNumber, note: NumberNote): Promise<void>;
}

export interface ConversationKey {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly phoneNumberId: PhoneNumberId;
  readonly conversationId: ConversationId;
}

/** A conversation, and what else it is called: null where the event knows no other name of it. */
export interface NamedConversation {
  readonly conversationId: ConversationId;
  readonly alsoKnownAs: ConversationId | null;
}

/** @throws {Fault} store-unavailable, row-malformed */
export const readConversation = async (
  { phoneNumberId, conversationId }: Pick<ConversationKey, 'phoneNumberId' | 'conversationId'>,
  routing: Pick<RoutingStore, 'read'>,
): Promise<ConversationRecord | undefined> =>
  (await routing.read(phoneNumberId, [conversationId])).conversations.get(conversationId);

/** A conversation through whatever credential. */
export type ErasedKey = Omit<ConversationKey, 'credentialId'>;

/** Numbers on which a credential may have conversations: those that it has claimed, and those that Meta lists for it now. */
export const numbersOf = ({
  phoneNumbers,
  claimedNumbers,
}: Pick<CredentialRecord, 'phoneNumbers' | 'claimedNumbers'>): readonly PhoneNumberId[] => {
  const claimed = Object.keys(claimedNumbers).map((id) => phoneNumberId.parse(id));
  return [...new Set([...claimed, ...phoneNumbers.map((number) => number.phoneNumberId)])];
};

/** When the table may forget it, in epoch seconds. */
export const conversationExpiry = (now: Date): number => Math.floor(now.getTime() / 1000) + lifetimeSeconds;

export const newConversation = (key: ErasedKey, now: Date): ConversationRecord => ({
  conversationId: key.conversationId,
  tenantId: key.tenantId,
  phoneNumberId: key.phoneNumberId,
  joinedTo: null,
  joinedBy: null,
  agentId: null,
  agentUntil: null,
  greetedAt: null,
  awaySaidAt: null,
  humanAt: null,
  lastInboundAt: null,
  heldCount: 0,
  heldEver: 0,
  setAsideCount: 0,
  skippedAt: null,
  lastHandledAt: null,
  erasedAt: null,
  revision: 0,
  expiresAt: conversationExpiry(now),
});

/** The record after it, with the next revision. */
export const changed = (
  before: ConversationRecord,
  change: Partial<Omit<ConversationRecord, 'conversationId' | 'tenantId' | 'phoneNumberId' | 'revision' | 'expiresAt'>>,
  now: Date,
): ConversationRecord => ({
  ...before,
  ...change,
  revision: before.revision + 1,
  expiresAt: conversationExpiry(now),
});

/**
 * Its customer is forgotten: nothing but that is known of it, and what is in its line goes. Which name it is joined to stays, so that it is
 * erased under either again.
 */
export const erased = (before: ConversationRecord, now: Date): ConversationRecord =>
  changed(
    before,
    {
      agentId: null,
      agentUntil: null,
      greetedAt: null,
      awaySaidAt: null,
      humanAt: null,
      lastInboundAt: null,
      erasedAt: now.toISOString(),
    },
    now,
  );

/** Something is known of it, and be it that there is something in its line; a name for another one is none. */
export const isKnown = (record: ConversationRecord): boolean =>
  record.joinedTo === null &&
  (record.erasedAt === null ||
    record.agentId !== null ||
    record.greetedAt !== null ||
    record.awaySaidAt !== null ||
    record.humanAt !== null ||
    record.lastInboundAt !== null ||
    record.heldCount + record.setAsideCount > 0);

/** The customer was erased at that time or later. */
export const isErasedSince = (record: ConversationRecord | undefined, receivedAt: string): boolean =>
  record?.erasedAt != null && receivedAt <= record.erasedAt;

/** What is to be written to one item so that two forms of a customer's identity are known to be the same. */
export interface Link {
  readonly before: ConversationRecord | undefined;
  readonly id: ConversationId;
  readonly change: { readonly joinedTo: ConversationId } | { readonly joinedBy: ConversationId };
}

/**
 * One customer may appear under two ids: with the user id and with the phone number. Which of the two is the conversation, and what has to be
 * written so that the other is known to be the same.
 */
export interface Joined {
  readonly conversationId: ConversationId;
  /** To be written one after the other, all or only the first of them: what is joined to says so before anything is. */
  readonly links: readonly Link[];
}

/**
 * `own`: what the event is queued under. `other`: the same customer's other form, if the event names it. Phone numbers pass on to other
 * people, user ids do not: a number that is joined to one user id is joined to the next that it comes with, and a user id that comes with a
 * number under which another one is known stays by itself. What something is joined to is never joined to anything itself: there are no chains.
 */
export const joinedConversation = (
  own: ConversationId,
  other: ConversationId | null,
  known: ReadonlyMap<ConversationId, ConversationRecord>,
): Joined => {
  const first = known.get(own);
  if (first?.joinedTo) return { conversationId: first.joinedTo, links: [] };
  if (other === null || other === own) return { conversationId: own, links: [] };
  const second = known.get(other);
  const otherToOwn = [...markOf(first, own, other), { before: second, id: other, change: { joinedTo: own } }];
  if (second === undefined) return { conversationId: own, links: otherToOwn };
  if (second.joinedTo === own) return { conversationId: own, links: first?.joinedBy ? [] : markOf(first, own, other) };
  if (first === undefined && second.joinedTo === null) {
    const isOfAnother = second.joinedBy !== null && second.joinedBy !== own;
    return isOfAnother
      ? { conversationId: own, links: [] }
      : {
          conversationId: other,
          links: [...markOf(second, other, own), { before: undefined, id: own, change: { joinedTo: other } }],
        };
  }
  // What is held under the other form must come out under it first.
  const isFree = second.joinedBy === null && second.heldCount + second.setAsideCount === 0;
  return { conversationId: own, links: isFree ? otherToOwn : [] };
};

export interface FoundConversation extends Joined {
  readonly number: CountedNumber | undefined;
  readonly conversation: ConversationRecord | undefined;
  /** What is known under the two names, joined or not. */
  readonly known: RoutingState['conversations'];
  /** The other name, where it stays one of its own: whoever looks there does not find the conversation. */
  readonly apart: ConversationId | null;
}

/**
 * Reads a number and the conversation of a customer with it, under whichever name it is known. A name that is in use is kept in time.
 * @throws {Fault} store-unavailable, row-malformed
 */
export const findConversation = async (
  phoneNumberId: PhoneNumberId,
  { conversationId: own, alsoKnownAs: other }: NamedConversation,
  routing: Pick<RoutingStore, 'read'>,
  now: Date,
): Promise<FoundConversation> => {
  const { number, conversations: known } = await routing.read(phoneNumberId, other === null ? [own] : [own, other]);
  const joined = joinedConversation(own, other, known);
  const { conversationId } = joined;
  const conversation =
    conversationId === own || conversationId === other
      ? known.get(conversationId)
      : await readConversation({ phoneNumberId, conversationId }, routing);
  const aging = [...known.values()].filter((it) => it.joinedTo === conversationId && isHalfOver(it, now));
  const renewed = aging.map((before) => ({ before, id: before.conversationId, change: { joinedTo: conversationId } }));
  const isApart =
    other !== null &&
    other !== conversationId &&
    known.get(other)?.joinedTo !== conversationId &&
    !joined.links.some(({ id, change }) => id === other && 'joinedTo' in change);
  return {
    ...joined,
    links: [...joined.links, ...renewed],
    number,
    conversation,
    known,
    apart: isApart ? other : null,
  };
};

const isHalfOver = ({ expiresAt }: ConversationRecord, now: Date): boolean =>
  expiresAt < conversationExpiry(now) - lifetimeSeconds / 2;

/** Nothing where it says so already. */
const markOf = (
  before: ConversationRecord | undefined,
  id: ConversationId,
  joinedBy: ConversationId,
): readonly Link[] => (before?.joinedBy === joinedBy ? [] : [{ before, id, change: { joinedBy } }]);

/** A human who has answered is there for so long, and is noted again when the note is older than this. In milliseconds. */
const humanFor = 24 * 60 * 60 * 1000;
const noteHumanAgainAfter = 60 * 60 * 1000;

const isYounger = (time: string | null | undefined, milliseconds: number, now: Date): boolean =>
  time != null && now.getTime() - new Date(time).getTime() < milliseconds;

/** Somebody has answered from the Business app within the last day. */
export const isWithHuman = (conversation: Pick<ConversationRecord, 'humanAt'> | undefined, now: Date): boolean =>
  isYounger(conversation?.humanAt, humanFor, now);

/** What an echo changes; nothing while the note is fresh. */
export const withHuman = (
  conversation: Pick<ConversationRecord, 'humanAt'> | undefined,
  now: Date,
): { readonly humanAt?: string } =>
  isYounger(conversation?.humanAt, noteHumanAgainAfter, now) ? {} : { humanAt: now.toISOString() };

export type ConversationAgent = Pick<ConversationRecord, 'agentId' | 'agentUntil'>;

/** An agent has it at this time. */
export const isUnderWay = (
  conversation: ConversationAgent | undefined,
  now: Date,
): conversation is { agentId: AgentId; agentUntil: string } =>
  conversation?.agentId != null && conversation.agentUntil !== null && new Date(conversation.agentUntil) > now;
