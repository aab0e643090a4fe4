import pMap from 'p-map';
import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { Customer } from '../../shared/contracts/agent-event.ts';
import { customerId } from '../../shared/contracts/customer.ts';
import type { ConversationId, PhoneNumberId, TenantId } from '../../shared/contracts/ids.ts';
import { type ErasedKey, numbersOf } from '../../shared/domain/conversation.ts';
import { conversationIdOf, customerKeyOf } from '../../shared/domain/event-identity.ts';
import type { ConversationRecord } from '../../shared/domain/records.ts';
import { dialledDigits } from '../../shared/domain/senders.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface EraseCustomerPorts {
  readonly credentials: Pick<CredentialReader, 'list'>;
  readonly webhooks: { tenantSalt(tenantId: TenantId): Promise<Uint8Array> };
  readonly conversations: {
    /** Those of them of which there is a record. */
    known(ids: readonly ConversationId[]): Promise<readonly ConversationRecord[]>;
    /**
     * Forgets agent, greetings, line and answers of a conversation; what was received before is never dispatched. `before` is its record, if there
     * is one. Whether anything was known of it, and how many events were held.
     */
    erase(
      key: ErasedKey,
      before: ConversationRecord | undefined,
      now: Date,
    ): Promise<{ readonly wasKnown: boolean; readonly events: number }>;
  };
  readonly now: () => Date;
}

/** Credentials per request to the Directory. */
const pageSize = 100;

const nobody: Customer = { waId: null, userId: null, groupId: null, name: null };

/** Conversations that are erased at the same time. */
const erasedAtOnce = 10;

/**
 * Erases what is kept of one customer of the caller, on all numbers and under every form of identity: conversations, held events, media, replies
 * that wait to be sent. What is still queued is never dispatched: so every name that the customer could have is marked for 30 days, by a keyed hash,
 * also of one who was never heard of. Claims stay, which hold no more than hashes. Again and again the same.
 */
export const eraseCustomer = async (caller: Caller, id: string, ports: EraseCustomerPorts): Promise<Answer> => {
  const numbers = await allNumbersOf(caller.tenantId, ports);
  const named =
    numbers.length === 0
      ? []
      : conversationsOf(caller.tenantId, id, numbers, await ports.webhooks.tenantSalt(caller.tenantId));
  const records = await withJoined(
    named.map(({ conversationId }) => conversationId),
    ports,
  );
  const keys = new Map<ConversationId, ErasedKey>(
    [...named, ...records.values()].map(({ tenantId, phoneNumberId, conversationId }) => [
      conversationId,
      { tenantId, phoneNumberId, conversationId },
    ]),
  );
  const erased = await pMap(
    keys.values(),
    (key) => ports.conversations.erase(key, records.get(key.conversationId), ports.now()),
    { concurrency: erasedAtOnce },
  );
  return {
    kind: 'ok',
    body: {
      erased: {
        conversations: erased.filter(({ wasKnown }) => wasKnown).length,
        heldEvents: erased.reduce((sum, { events }) => sum + events, 0),
      },
    },
  };
};

/**
 * What there is of conversations, of those that they are joined to, and of those that are joined to them: what was sent lies under the name that it was sent
 * to. A number that has passed on to somebody else is not joined to them any more.
 */
const withJoined = async (
  ids: readonly ConversationId[],
  { conversations }: EraseCustomerPorts,
): Promise<ReadonlyMap<ConversationId, ConversationRecord>> => {
  const records = new Map<ConversationId, ConversationRecord>();
  const asked = new Set<ConversationId>();
  let next = ids;
  while (next.length > 0) {
    const named = new Set(next.filter((id) => !asked.has(id)));
    for (const id of named) asked.add(id);
    for (const record of await conversations.known([...named])) {
      const { conversationId: id, joinedTo } = record;
      const isNamed = ids.includes(id) || [...records.values()].some((it) => it.joinedTo === id);
      if (isNamed || (joinedTo !== null && records.has(joinedTo))) records.set(id, record);
    }
    next = [...records.values()]
      .flatMap(({ joinedTo, joinedBy }) => [joinedTo, joinedBy])
      .filter((id) => id !== null)
      .filter((id) => !asked.has(id));
  }
  return records;
};

const allNumbersOf = async (tenantId: TenantId, ports: EraseCustomerPorts): Promise<readonly PhoneNumberId[]> => {
  const numbers = new Set<PhoneNumberId>();
  let cursor: string | undefined;
  do {
    const page = await ports.credentials.list(tenantId, pageSize, cursor);
    for (const id of page.items.flatMap(numbersOf)) numbers.add(id);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return [...numbers];
};

/** A customer id may be any of the three forms; a phone number is compared by its digits. */
const conversationsOf = (
  tenantId: TenantId,
  id: string,
  numbers: readonly PhoneNumberId[],
  salt: Uint8Array,
): readonly ErasedKey[] => {
  const digits = dialledDigits(id);
  const forms: readonly Customer[] = [
    { ...nobody, userId: id },
    { ...nobody, groupId: id },
    ...(/^\+?[\d ().-]+$/.test(id) && digits !== '' ? [{ ...nobody, waId: digits }] : []),
  ];
  const keys = forms.map((customer) => customerKeyOf(salt, customer));
  return numbers.flatMap((phoneNumberId) =>
    keys.map((key) => ({ tenantId, phoneNumberId, conversationId: conversationIdOf(tenantId, phoneNumberId, key) })),
  );
};

export const eraseCustomerRoute = apiRoute({
  routeKey: 'DELETE /v1/customers/{customerId}',
  path: z.object({ customerId }),
  run: ({ caller, path }) =>
    eraseCustomer(caller, path.customerId, {
      credentials: ports.credentials(),
      webhooks: ports.webhooks(),
      conversations: ports.customers(),
      now: () => new Date(),
    }),
});
