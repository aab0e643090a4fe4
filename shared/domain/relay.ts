import type { TenantId } from '../contracts/ids.ts';
import { unguessable } from '../crypto/identifiers.ts';

/** Bodies that are too large for the queue, or that wait: encrypted, gone after 14 days. */
export interface RelayStore {
  /** @throws {Fault} store-unavailable */
  put(key: string, body: string): Promise<void>;
  /** Undefined when it was deleted or is older than the store keeps anything. @throws {Fault} store-unavailable */
  get(key: string): Promise<string | undefined>;
  /** One that is gone already is no error. @throws {Fault} store-unavailable when one of them may still be there */
  delete(keys: readonly string[]): Promise<void>;
  /** Everything whose key begins so, but `kept`. @throws {Fault} store-unavailable when something may still be there */
  deleteBelow(prefix: string, kept?: string): Promise<void>;
}

/** Where a list of events is put. Random, so that a key tells nothing of a customer and never names another list. */
export const eventsKey = (tenantId: TenantId): string => `events/${tenantId}/${unguessable()}`;
