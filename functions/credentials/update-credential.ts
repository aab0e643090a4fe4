import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type UpdateCredentialRequest, updateCredentialRequest } from '../../shared/contracts/credential.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { stopOf } from '../../shared/domain/account-standing.ts';
import type { AuditLog } from '../../shared/domain/audit.ts';
import {
  type CredentialSecrets,
  credentialSecrets,
  identitiesOfCredential,
  openAccessToken,
  openAppSecret,
  sealApp,
  sealCredential,
} from '../../shared/domain/credential-secrets.ts';
import { type Edition, type Editions, isUrgent, rotationTickets } from '../../shared/domain/edition.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { appProvedBy, appWithSecret, lastFour, retiredOfApp, withoutPrevious } from '../../shared/domain/meta-app.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord } from '../../shared/domain/records.ts';
import { releaseCredentialTicket } from '../../shared/domain/release-tickets.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import { validateCredential } from '../../shared/domain/validate-credential.ts';
import type { SecretOpener, SecretSealer } from '../../shared/domain/vault.ts';
import { answered } from '../../shared/domain/verdict.ts';
import { newTicket, type WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute, versionProblem } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { isCurrentSecret, unlessOvertaken, validationRefusal } from './proving.ts';

export interface UpdateCredentialPorts {
  readonly credentials: Pick<CredentialReader, 'find' | 'findApp'>;
  readonly editions: Editions;
  readonly sealer: SecretSealer;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly queues: WorkQueues;
  readonly audit: AuditLog;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** Binding an agent, or another tenant's rotation, may get in between: whoever comes second reads again. */
const maxRaces = 4;

/**
 * Changes a credential. New secrets are proved at Meta before they replace the old ones, which stay in force when anything fails.
 * A new App Secret is a new one for every credential of its app; the former one is accepted on webhooks for 7 days, or not at all.
 */
export const updateCredential = async (
  caller: Caller,
  id: CredentialId,
  request: UpdateCredentialRequest,
  ifMatch: string | undefined,
  ports: UpdateCredentialPorts,
): Promise<Answer | Refused> => {
  for (let race = 1; race <= maxRaces; race++) {
    const credential = await ports.credentials.find(caller.tenantId, id);
    const app = credential && (await ports.credentials.findApp(credential.appId));
    if (credential === undefined || app === undefined) return refuse('not-found');
    if (credential.status === 'removing') return beingRemoved;
    const unmet = versionProblem(ifMatch, credential.version);
    if (unmet) return unmet;
    const edition = await unlessOvertaken(race < maxRaces, () => editionOf(caller, credential, app, request, ports));
    if (edition === 'overtaken') continue;
    if (isRefused(edition)) {
      await ports.audit.record(
        { tenantId: caller.tenantId, subjectId: id },
        { action: 'update', outcome: 'refused', about: [edition.refused] },
      );
      return edition;
    }
    if (!(await ports.editions.save(edition))) continue;
    for (const ticket of edition.tickets.filter(isUrgent)) await handOverWork(ticket, ports);
    return {
      kind: 'ok',
      body: credentialView(edition.after, edition.app.after),
      version: edition.after.version,
    };
  }
  return refuse('conflict', { guidance: 'Read the credential again and repeat the change.', retryAfterSeconds: 1 });
};

export const beingRemoved = refuse('removing', {
  guidance: 'Wait until it is gone, then connect the account again.',
});

const editionOf = async (
  caller: Caller,
  before: CredentialRecord,
  app: MetaAppRecord,
  request: UpdateCredentialRequest,
  ports: UpdateCredentialPorts,
): Promise<Edition | Refused> => {
  const now = ports.now();
  const named = {
    ...before,
    label: request.label ?? before.label,
    version: before.version + 1,
    updatedAt: now.toISOString(),
  };
  const isRevoked = request.previousAppSecret === 'revoke';
  // Who has not proved the App Secret in force can't tell that the former one is not needed.
  if (isRevoked && request.appSecret === undefined && app.provedBy[caller.tenantId] !== app.secretVersion)
    return refuse('app-secret-unproved', {
      detail: 'Another tenant of this Meta app has replaced the App Secret.',
      guidance: 'Send the App Secret that is in force along with the revocation.',
    });
  if (request.accessToken !== undefined || request.appSecret !== undefined)
    return resealed(caller, before, named, app, request, ports);
  const appAfter = isRevoked ? withoutPrevious(app) : app;
  return {
    before,
    after: named,
    app: { before: app, after: appAfter },
    sealed: [],
    retired: retiredOfApp(app, appAfter),
    tickets: [],
    audit: [{ action: 'update', outcome: 'ok', about: changedFields(request) }],
  };
};

const changedFields = (request: UpdateCredentialRequest): readonly string[] =>
  Object.entries(request).flatMap(([name, value]) => (value === undefined ? [] : [name]));

/** The new secrets, proved at Meta with those that stay. */
const resealed = async (
  caller: Caller,
  before: CredentialRecord,
  named: CredentialRecord,
  app: MetaAppRecord,
  request: UpdateCredentialRequest,
  ports: UpdateCredentialPorts,
): Promise<Edition | Refused> => {
  const now = ports.now();
  const openedFor = { tenantId: before.tenantId, subjectId: before.credentialId };
  const kept = identitiesOfCredential(before);
  using appSecret =
    request.appSecret === undefined
      ? await openAppSecret(app, openedFor, ports.opener)
      : SecretBytes.fromText(request.appSecret.toLowerCase());
  using accessToken =
    request.accessToken === undefined
      ? await openAccessToken(before, ports.opener)
      : SecretBytes.fromText(request.accessToken);
  using secrets = credentialSecrets(app.appId, appSecret, accessToken);
  const validation = await validateCredential(
    { appId: app.appId, appToken: secrets.appToken, access: secrets, wabaId: before.wabaId, phoneNumberIds: [] },
    ports.graph,
    now,
  );
  if (validation.outcome !== 'valid') return validationRefusal(validation);

  const appAfter = await appAfterwards(caller, app, secrets, request, openedFor, ports);
  const isRotated = appAfter.secretVersion !== app.secretVersion;
  const after: CredentialRecord = {
    ...answered(named),
    secretVersion: before.secretVersion + 1,
    proofVersion: appAfter.secretVersion,
    accessTokenExpiresAt: validation.tokenExpiresAt?.toISOString() ?? null,
    phoneNumbers: [...validation.phoneNumbers],
    // Meta has just let us in: what it reported before, or was found before, is over.
    standing: null,
    verdict: null,
    ...(request.accessToken === undefined
      ? {}
      : { accessTokenLastFour: lastFour(secrets.accessToken), accessTokenSetAt: now.toISOString() }),
  };
  return {
    before,
    after,
    app: { before: app, after: appAfter },
    sealed: [
      ...(await sealCredential(after, secrets, ports.sealer)),
      ...(isRotated ? await sealApp(appAfter, secrets, ports.sealer) : []),
    ],
    retired: [kept.graphApi, kept.cleanUp, ...retiredOfApp(app, appAfter)],
    tickets: [
      newTicket({ kind: 'set-up', tenantId: before.tenantId, credentialId: before.credentialId, reclaim: false }, now),
      ...(stopOf(before) === null ? [] : [releaseCredentialTicket(before, now)]),
      ...(isRotated ? rotationTickets(appAfter, now) : []),
    ],
    audit: [{ action: 'update', outcome: 'ok', about: changedFields(request) }],
  };
};

/** The Meta app with the App Secret that was just proved, and without the former one where that is revoked. */
const appAfterwards = async (
  { tenantId }: Caller,
  app: MetaAppRecord,
  secrets: CredentialSecrets,
  request: UpdateCredentialRequest,
  openedFor: { readonly tenantId: string; readonly subjectId: string },
  ports: UpdateCredentialPorts,
): Promise<MetaAppRecord> => {
  const isRevoked = request.previousAppSecret === 'revoke';
  if (request.appSecret === undefined) return isRevoked ? withoutPrevious(app) : app;
  if (!(await isCurrentSecret(app, openedFor, secrets.appToken, ports.opener)))
    return appWithSecret(app, secrets.appSecret, tenantId, ports.now(), request.previousAppSecret);
  const proved = appProvedBy(app, tenantId);
  return isRevoked ? withoutPrevious(proved) : proved;
};

export const updateCredentialRoute = apiRoute({
  routeKey: 'PATCH /v1/credentials/{credentialId}',
  path: z.object({ credentialId }),
  body: updateCredentialRequest,
  run: ({ caller, path, body, ifMatch }) =>
    updateCredential(caller, path.credentialId, body, ifMatch, {
      credentials: ports.credentials(),
      editions: ports.editions(),
      sealer: ports.sealer(),
      opener: ports.opener(),
      graph: ports.graph(),
      queues: ports.workQueues(),
      audit: ports.audit(),
      journal,
      now: () => new Date(),
    }),
});
