import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { Customer } from '../../shared/contracts/agent-event.ts';
import { customerId } from '../../shared/contracts/customer.ts';
import type { ConversationId, PhoneNumberId, TenantId } from '../../shared/contracts/ids.ts';
import { conversationIdOf, customerKeyOf } from '../../shared/domain/event-identity.ts';
import type { RelayStore } from '../../shared/domain/relay.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface EraseCustomerPorts {
  readonly credentials: Pick<CredentialReader, 'list'>;
  readonly webhooks: { tenantSalt(tenantId: TenantId): Promise<Uint8Array> };
  readonly conversations: {
    /** Those of them that are known, and those that they are joined to. */
    known(ids: readonly ConversationId[]): Promise<readonly ConversationId[]>;
    /** Forgets agent, greetings and line of a conversation; what was received before is never dispatched. Keys of the bodies that were held. */
    erase(id: ConversationId, now: Date): Promise<{ readonly relayKeys: readonly string[]; readonly events: number }>;
  };
  readonly relay: Pick<RelayStore, 'delete'>;
  readonly now: () => Date;
}

/** Credentials per request to the Directory. */
const pageSize = 100;

const nobody: Customer = { waId: null, userId: null, groupId: null, name: null };

/**
 * Erases what is kept of one customer of the caller, on all numbers and under every form of identity: conversations, held events, replies that
 * wait to be sent. Claims stay, which hold no more than hashes. Again and again the same, also for who was never heard of.
 */
export const eraseCustomer = async (caller: Caller, id: string, ports: EraseCustomerPorts): Promise<Answer> => {
  const numbers = await numbersOf(caller.tenantId, ports);
  const ids =
    numbers.length === 0
      ? []
      : conversationsOf(caller.tenantId, id, numbers, await ports.webhooks.tenantSalt(caller.tenantId));
  const known = await ports.conversations.known(ids);
  let events = 0;
  for (const conversation of known) {
    const erased = await ports.conversations.erase(conversation, ports.now());
    events += erased.events;
    // Before the next: whoever dies here leaves no body without a row that names it, but those of one conversation, which expire.
    await ports.relay.delete(erased.relayKeys);
  }
  return { kind: 'ok', body: { erased: { conversations: known.length, heldEvents: events } } };
};

const numbersOf = async (tenantId: TenantId, ports: EraseCustomerPorts): Promise<readonly PhoneNumberId[]> => {
  const numbers = new Set<PhoneNumberId>();
  let cursor: string | undefined;
  do {
    const page = await ports.credentials.list(tenantId, pageSize, cursor);
    for (const { phoneNumbers } of page.items) for (const { phoneNumberId } of phoneNumbers) numbers.add(phoneNumberId);
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
): readonly ConversationId[] => {
  const digits = id.replace(/\D/g, '');
  const forms: readonly Customer[] = [
    { ...nobody, userId: id },
    { ...nobody, groupId: id },
    ...(/^\+?[\d ().-]+$/.test(id) && digits !== '' ? [{ ...nobody, waId: digits }] : []),
  ];
  const keys = forms.map((customer) => customerKeyOf(salt, customer));
  return numbers.flatMap((number) => keys.map((key) => conversationIdOf(tenantId, number, key)));
};

export const eraseCustomerRoute = apiRoute({
  routeKey: 'DELETE /v1/customers/{customerId}',
  path: z.object({ customerId }),
  run: ({ caller, path }) =>
    eraseCustomer(caller, path.customerId, {
      credentials: ports.credentials(),
      webhooks: ports.webhooks(),
      conversations: ports.customers(),
      relay: ports.relay(),
      now: () => new Date(),
    }),
});
