import * as z from 'zod';
import type { CredentialId, TenantId } from '../contracts/ids.ts';

/** How much of an hour's allowance is used at Meta, the fullest of calls, time and processor time. In percent, and minutes. */
export interface MetaUsage {
  /** Of what the Meta app may do with its own token. */
  readonly appPercent: number;
  /** Of what the app may do with this account but send: look at it, its numbers, its templates, its webhook. */
  readonly managementPercent: number;
  /** Until Meta answers such calls again; 0: it does. */
  readonly regainMinutes: number;
}

export const notedUsage = z.object({
  appPercent: z.number(),
  managementPercent: z.number(),
  regainMinutes: z.number(),
  notedAt: z.iso.datetime(),
});
export type NotedUsage = z.infer<typeof notedUsage>;

export interface MetaUsageStore {
  /** @throws {Fault} store-unavailable */
  note(of: UsageOwner, usage: MetaUsage, now: Date): Promise<void>;
  /** What was noted within the last hour: Meta counts no further back. @throws {Fault} store-unavailable, row-malformed */
  find(of: UsageOwner, now: Date): Promise<NotedUsage | undefined>;
  /** The same of several, in one read for each hundred. @throws {Fault} store-unavailable, row-malformed */
  findMany(of: readonly UsageOwner[], now: Date): Promise<ReadonlyMap<CredentialId, NotedUsage>>;
}

/** Meta counts by app and account, and so does a credential. */
export interface UsageOwner {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
}

/** Less is not worth a word, nor a write. In percent. */
const notable = 50;

/** From then on whatever asks of its own accord asks less often: the rest is for the users. In percent. */
const strained = 80;

export const isNotable = ({ appPercent, managementPercent }: MetaUsage): boolean =>
  Math.max(appPercent, managementPercent) >= notable;

export const isStrained = ({ appPercent, managementPercent }: MetaUsage): boolean =>
  Math.max(appPercent, managementPercent) >= strained;

/** Runs with an ear for what Meta says of its limits, and notes the last of it where it is notable. Never fails by that. */
export const watchingUsage = async <T>(
  of: UsageOwner,
  { usage, now }: { readonly usage: Pick<MetaUsageStore, 'note'>; readonly now: () => Date },
  run: (onUsage: (told: MetaUsage) => void) => Promise<T>,
): Promise<T> => {
  let last: MetaUsage | undefined;
  try {
    return await run((told) => {
      last = told;
    });
  } finally {
    // `last` is set inside the callback, which the compiler does not see.
    const told = last as MetaUsage | undefined;
    if (told !== undefined && isNotable(told)) await usage.note(of, told, now()).catch(() => undefined);
  }
};
