import type { PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { NumberActivity } from './number-activity.ts';

/** What traffic tells of numbers, for whoever checks them. */
export interface TrafficReader {
  /** For each number that has had any. @throws {Fault} store-unavailable, row-malformed */
  ofNumbers(tenantId: TenantId, numbers: readonly PhoneNumberId[]): Promise<ReadonlyMap<PhoneNumberId, NumberActivity>>;
}
