import type { AppId, CredentialId, TenantId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { stopOf } from './account-standing.ts';
import type { AuditEntry } from './audit.ts';
import {
  credentialSecrets,
  identitiesOfApp,
  identitiesOfCredential,
  openAccessToken,
  openAppSecret,
  sealCredential,
} from './credential-secrets.ts';
import { withoutPrevious } from './meta-app.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import { releaseCredentialTicket } from './release-tickets.ts';
import { appSecretWrongCode } from './validate-credential.ts';
import type { SealedSecret, SecretOpener, SecretSealer } from './vault.ts';
import { newTicket, type Ticket, type WorkOutcome, type WorkQueues } from './work.ts';

/** A change of a credential or of its Meta app: what it was, what it shall be, and which secrets come and go with it. */
export interface Edition {
  readonly before: CredentialRecord;
  readonly after: CredentialRecord;
  /** The Meta app as it was read and as it shall be; the same where only its being unchanged matters. */
  readonly app: { readonly before: MetaAppRecord; readonly after: MetaAppRecord };
  readonly sealed: readonly SealedSecret[];
  readonly retired: readonly SecretIdentity[];
  readonly tickets: readonly Ticket[];
  readonly audit: readonly AuditEntry[];
}

export interface Editions {
  /** All of it or nothing. False when credential, numbers or app changed since they were read. */
  save(edition: Edition): Promise<boolean>;
  /** The app alone, with secrets of it that go. False when it changed since it was read. */
  saveApp(app: Edition['app'], retired: readonly SecretIdentity[]): Promise<boolean>;
}

/** After a new App Secret: new proofs for every credential of the app at once, and the end of the former secret in its time. */
export const rotationTickets = (app: MetaAppRecord, now: Date): readonly Ticket[] => [
  newTicket({ kind: 'reseal', appId: app.appId }, now),
  ...(app.previousSecretVersion === null || app.previousAcceptedUntil === null
    ? []
    : [
        newTicket(
          { kind: 'retire-secret', appId: app.appId, secretVersion: app.previousSecretVersion },
          now,
          new Date(app.previousAcceptedUntil),
        ),
      ]),
];

/** Whether whoever has stored a ticket queues its work at once; what must wait is the sweeper's. */
export const isUrgent = ({ work }: Ticket): boolean =>
  work.kind !== 'retire-secret' && work.kind !== 'retire-agent-secret';

export interface ResealPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: AppId): Promise<MetaAppRecord | undefined>;
    inUse(appId: AppId): Promise<readonly CredentialRecord[]>;
  };
  readonly editions: Editions;
  readonly opener: SecretOpener;
  readonly sealer: SecretSealer;
  /** Where held events are asked for. */
  readonly releases: WorkQueues;
  readonly now: () => Date;
  readonly timeLeft: () => number;
}

/** Opening, sealing and storing one credential, with room to spare. In milliseconds. */
const timeForOne = 5_000;

/**
 * Gives every credential of a Meta app a proof and an app token made with the App Secret that is in force. Those that have it are
 * skipped, so it may be repeated at any point; `again` when there are more than one invocation can do, `later` when one changed
 * meanwhile.
 */
export const resealCredentials = async (appId: AppId, ports: ResealPorts): Promise<WorkOutcome> => {
  let changedMeanwhile = false;
  for (const { tenantId, credentialId } of await ports.credentials.inUse(appId)) {
    if (ports.timeLeft() < timeForOne) return 'again';
    const app = await ports.credentials.findApp(appId);
    const credential = await ports.credentials.find(tenantId, credentialId);
    if (app === undefined) return 'done';
    if (credential === undefined || credential.status === 'removing' || credential.proofVersion === app.secretVersion)
      continue;
    // One that keeps changing must not keep its neighbours waiting.
    if (!(await reseal(credential, app, ports))) changedMeanwhile = true;
  }
  return changedMeanwhile ? { outcome: 'later' } : 'done';
};

const reseal = async (credential: CredentialRecord, app: MetaAppRecord, ports: ResealPorts): Promise<boolean> => {
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  const before = identitiesOfCredential(credential);
  using accessToken = await openAccessToken(credential, ports.opener);
  using secrets = credentialSecrets(app.appId, await openAppSecret(app, openedFor, ports.opener), accessToken);
  const after: CredentialRecord = {
    ...credential,
    secretVersion: credential.secretVersion + 1,
    proofVersion: app.secretVersion,
    // Meta has let somebody in with the new App Secret: that the former one was refused is over.
    verdict: credential.verdict?.reason.code === appSecretWrongCode ? null : credential.verdict,
  };
  const goesOn = stopOf(credential) !== null && stopOf(after) === null;
  const tickets = goesOn ? [releaseCredentialTicket(credential, ports.now())] : [];
  const isSaved = await ports.editions.save({
    before: credential,
    after,
    app: { before: app, after: app },
    sealed: await sealCredential(after, secrets, ports.sealer),
    retired: [before.graphApi, before.cleanUp],
    tickets,
    audit: [{ action: 'update', outcome: 'ok', about: ['appsecret_proof'] }],
  });
  // One that is not queued is found by the sweeper.
  if (isSaved) for (const ticket of tickets) await ports.releases.send(ticket).catch(() => undefined);
  return isSaved;
};

/** Shreds a former App Secret once it is accepted no more. One that has gone meanwhile is done with. */
export const retireSecret = async (
  request: { readonly appId: AppId; readonly secretVersion: number },
  ports: Pick<ResealPorts, 'credentials' | 'editions' | 'now'>,
): Promise<WorkOutcome> => {
  const app = await ports.credentials.findApp(request.appId);
  if (app === undefined || app.previousSecretVersion !== request.secretVersion) return 'done';
  const until = new Date(app.previousAcceptedUntil ?? 0);
  if (until > ports.now()) return { outcome: 'later', deadline: until };
  const retired = [identitiesOfApp({ ...app, secretVersion: request.secretVersion }).signature];
  return (await ports.editions.saveApp({ before: app, after: withoutPrevious(app) }, retired)) ? 'done' : 'again';
};
