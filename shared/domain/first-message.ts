import type { CredentialId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import { awaitingCode, findingsOf } from './findings.ts';
import type { CredentialRecord, Finding, NumberRecord } from './records.ts';
import { boundNumbersOf } from './webhook-at-meta.ts';

// Between two checks: that a number waits for its first message is known as soon as an agent answers it, and over as soon as one comes.

export interface FirstMessagePorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findNumber(id: PhoneNumberId): Promise<NumberRecord | undefined>;
  };
  readonly findings: {
    /** False when somebody else has written a finding, or the credential was bound otherwise, since it was read. */
    change(credential: CredentialRecord, finding: Finding | null): Promise<boolean>;
  };
  readonly now: () => Date;
}

/** How often it is judged anew because the credential has changed meanwhile. */
const mostRaces = 4;

/**
 * Writes which of the credential's numbers wait for their first message, unless a check has found something else. Best effort: the next check finds it
 * too. @throws {Fault} store-unavailable, row-malformed
 */
export const noteAwaiting = async (
  { tenantId, credentialId }: Pick<CredentialRecord, 'tenantId' | 'credentialId'>,
  { credentials, findings, now }: FirstMessagePorts,
): Promise<void> => {
  for (let race = 0; race < mostRaces; race++) {
    const credential = await credentials.find(tenantId, credentialId);
    if (credential === undefined || credential.status === 'removing') return;
    const { finding: before } = credential;
    if (before !== null && before.reason.code !== awaitingCode) return;
    const numbers = await Promise.all(
      boundNumbersOf(credential).map(async (phoneNumberId) => {
        const number = await credentials.findNumber(phoneNumberId);
        return {
          phoneNumberId,
          listed: credential.phoneNumbers.find((it) => it.phoneNumberId === phoneNumberId),
          health: undefined,
          boundAt: number?.boundAt ?? null,
          deliversSince: number?.deliversSince ?? null,
          silentSince: undefined,
          refusedSince: undefined,
        };
      }),
    );
    const waiting = numbers.filter(({ listed, deliversSince }) => listed !== undefined && deliversSince === null);
    const [found] = findingsOf({ account: null, numbers: waiting }, now());
    // Of what else may be said of them a check says it.
    const after = found?.reason.code === awaitingCode ? found : null;
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    if (await findings.change(credential, after)) return;
  }
};
