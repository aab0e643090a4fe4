import type { PhoneNumberId, TenantId } from '../contracts/ids.ts';

/** What traffic tells of numbers. */
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
