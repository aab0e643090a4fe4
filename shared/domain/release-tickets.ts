import type { AgentId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { Work } from '../contracts/work.ts';
import { numbersOf } from './conversation.ts';
import type { CredentialRecord } from './records.ts';
import { newTicket, type Ticket } from './work.ts';

// What asks for held events to be looked at again (release-numbers.ts). By itself, because those who ask do not release.

export type ReleaseWork = Extract<Work, { kind: 'release-held' }>;

interface NumberOfTenant {
  readonly tenantId: TenantId;
  readonly phoneNumberId: PhoneNumberId;
}

const releaseOf = (
  tenantId: TenantId,
  phoneNumberIds: readonly PhoneNumberId[],
  change: Partial<ReleaseWork> = {},
): ReleaseWork => ({
  kind: 'release-held',
  tenantId,
  phoneNumberIds: [...phoneNumberIds],
  action: 'replay',
  maxAgeHours: null,
  heldBefore: null,
  cursor: null,
  watch: null,
  ...change,
});

/** Has everything replayed that is held on a number, as far as nothing holds it any more. */
export const releaseTicket = ({ tenantId, phoneNumberId }: NumberOfTenant, now: Date): Ticket =>
  newTicket(releaseOf(tenantId, [phoneNumberId]), now);

/** The same for all numbers of a credential, or what its user has decided about them. */
export const releaseCredentialTicket = (
  credential: Pick<CredentialRecord, 'tenantId' | 'phoneNumbers' | 'claimedNumbers'>,
  now: Date,
  decision: Partial<Pick<ReleaseWork, 'action' | 'maxAgeHours' | 'heldBefore'>> = {},
): Ticket => newTicket(releaseOf(credential.tenantId, numbersOf(credential), decision), now);

/** Tries a suspended target from time to time, as long as it is suspended. */
export const watchTicket = (
  { tenantId, phoneNumberId }: NumberOfTenant,
  watch: { readonly agentId: AgentId; readonly since: string },
  now: Date,
): Ticket => newTicket(releaseOf(tenantId, [phoneNumberId], { action: 'probe', watch }), now);
