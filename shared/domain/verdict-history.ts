import * as z from 'zod';
import { credentialStatus, reason } from '../contracts/credential.ts';
import { type CredentialId, credentialId, type TenantId } from '../contracts/ids.ts';

/** How long a change is kept. In days. */
export const verdictLifetimeDays = 90;

/** One change of how a credential is shown. */
export const verdictChange = z.object({
  credentialId,
  at: z.iso.datetime(),
  from: z.object({ status: credentialStatus, code: z.string().nullable() }),
  to: z.object({ status: credentialStatus, reason: reason.nullable() }),
});
export type VerdictChange = z.infer<typeof verdictChange>;

export interface VerdictHistory {
  /** The newest first. `nextCursor` goes on where this page ends; null: it ends with this page. */
  list(
    tenantId: TenantId,
    credentialId: CredentialId,
    limit: number,
    cursor?: string,
  ): Promise<{ readonly items: readonly VerdictChange[]; readonly nextCursor: string | null }>;
}
