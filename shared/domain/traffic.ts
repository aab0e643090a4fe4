import type { PhoneNumberId, TenantId } from '../contracts/ids.ts';
import { type NumberActivity, silentSince } from './number-activity.ts';

/** What traffic tells of numbers, for whoever checks them. */
export interface TrafficReader {
  /** For each number that has had any. @throws {Fault} store-unavailable, row-malformed */
  ofNumbers(tenantId: TenantId, numbers: readonly PhoneNumberId[]): Promise<ReadonlyMap<PhoneNumberId, NumberTraffic>>;
}

export interface NumberTraffic {
  /** Since when nobody writes although the number has its customers; undefined: it is as lively as ever. */
  readonly silentSince: string | undefined;
  /** When Meta last took a message from it. */
  readonly lastOutboundAt: string | null;
}

/** As activity tells it. */
export const trafficOf = (
  activity: {
    numbers(tenantId: TenantId, ids: readonly PhoneNumberId[]): Promise<ReadonlyMap<PhoneNumberId, NumberActivity>>;
  },
  now: () => Date,
): TrafficReader => ({
  async ofNumbers(tenantId, numbers) {
    const known =
      numbers.length === 0 ? new Map<PhoneNumberId, NumberActivity>() : await activity.numbers(tenantId, numbers);
    return new Map(
      [...known].map(([id, it]) => [id, { silentSince: silentSince(it, now()), lastOutboundAt: it.lastOutboundAt }]),
    );
  },
});
