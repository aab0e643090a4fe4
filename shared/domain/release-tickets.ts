import type { AgentId, CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import { newTicket, type Ticket } from './work.ts';

// What asks for held events to be looked at again (release-number.ts). By itself, because those who ask do not release.

interface NumberOfTenant {
  readonly tenantId: TenantId;
  readonly phoneNumberId: PhoneNumberId;
}

/** Has everything replayed that is held on a number, as far as nothing holds it any more. */
export const releaseTicket = ({ tenantId, phoneNumberId }: NumberOfTenant, now: Date): Ticket =>
  newTicket({ kind: 'release-held', tenantId, phoneNumberId, action: 'replay', maxAgeHours: null, watch: null }, now);

/** The same for all numbers of a credential. */
export const releaseCredentialTicket = (
  { tenantId, credentialId }: { readonly tenantId: TenantId; readonly credentialId: CredentialId },
  now: Date,
): Ticket =>
  newTicket({ kind: 'release-credential', tenantId, credentialId, action: 'replay', maxAgeHours: null }, now);

/** Tries a suspended target from time to time, as long as it is suspended. */
export const watchTicket = (
  { tenantId, phoneNumberId }: NumberOfTenant,
  watch: { readonly agentId: AgentId; readonly since: string },
  now: Date,
): Ticket =>
  newTicket({ kind: 'release-held', tenantId, phoneNumberId, action: 'probe', maxAgeHours: null, watch }, now);
