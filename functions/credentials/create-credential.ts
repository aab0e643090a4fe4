import { ulid } from 'ulid';
import type { CredentialCreator, CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { NotificationReader } from '../../shared/adapters/notification-store.ts';
import { type CreateCredentialRequest, createCredentialRequest } from '../../shared/contracts/credential.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { credentialId } from '../../shared/contracts/ids.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { firstCheckOf } from '../../shared/domain/check-schedule.ts';
import {
  type CredentialSecrets,
  identitiesOfCredential,
  sealApp,
  sealCredential,
} from '../../shared/domain/credential-secrets.ts';
import { isUrgent, rotationTickets } from '../../shared/domain/edition.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { appProvedBy, appWithSecret, newApp, retiredOfApp } from '../../shared/domain/meta-app.ts';
import { newCredential, numberClaimsOf } from '../../shared/domain/new-credential.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord, NotificationsRecord } from '../../shared/domain/records.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import type { ValidationOutcome } from '../../shared/domain/validate-credential.ts';
import type { SecretOpener, SecretSealer } from '../../shared/domain/vault.ts';
import { newTicket, type WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { sleep, webhookSettled } from './patience.ts';
import {
  isCurrentSecret,
  numberTaken,
  ownHolderOf,
  unlessOvertaken,
  validationRefusal,
  wabaTaken,
  withValidation,
} from './proving.ts';

export interface CreateCredentialPorts {
  readonly credentials: CredentialReader;
  readonly creator: CredentialCreator;
  readonly notifications: NotificationReader;
  readonly sealer: SecretSealer;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly quota: number;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Two tenants may connect the same Meta app at once: whoever comes second reads it again. */
const maxAppRaces = 4;

/**
 * Connects WhatsApp credentials: validates them at Meta, seals each purpose apart, stores everything in one transaction and sets up
 * the webhook. Nothing is stored unless Meta confirmed all of it. `createdWith` names the request: a repeat of one that died after
 * it had stored the credential is answered with that credential.
 */
export const createCredential = async (
  caller: Caller,
  request: CreateCredentialRequest,
  options: { readonly createdWith: string | null; readonly timeLeft: () => number },
  ports: CreateCredentialPorts,
): Promise<Answer | Refused> => {
  for (let race = 1; race <= maxAppRaces; race++) {
    const stored = await unlessOvertaken(race < maxAppRaces, () =>
      proveAndStore(caller, request, options.createdWith, ports),
    );
    if (stored === 'overtaken' || stored === 'app-changed') continue;
    if (isRefused(stored)) return stored;
    return answer(await webhookSettled(stored, { ...ports, timeLeft: options.timeLeft }), ports);
  }
  return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
};

const proveAndStore = async (
  caller: Caller,
  request: CreateCredentialRequest,
  createdWith: string | null,
  ports: CreateCredentialPorts,
): Promise<CredentialRecord | Refused | 'app-changed'> => {
  const appBefore = await ports.credentials.findApp(request.appId);
  return withValidation(caller, request, appBefore, ports, (validation, secrets) =>
    validation.outcome === 'valid'
      ? store(caller, request, validation, appBefore, secrets, createdWith, ports)
      : Promise.resolve(validationRefusal(validation)),
  );
};

const store = async (
  caller: Caller,
  request: CreateCredentialRequest,
  validation: ValidationOutcome & { readonly outcome: 'valid' },
  appBefore: MetaAppRecord | undefined,
  secrets: CredentialSecrets,
  createdWith: string | null,
  ports: CreateCredentialPorts,
): Promise<CredentialRecord | Refused | 'app-changed'> => {
  const { tenantId } = caller;
  const now = ports.now();
  const id = credentialId.parse(`cred_${ulid()}`);
  const openedFor = { tenantId, subjectId: id };
  const isKnown =
    appBefore !== undefined && (await isCurrentSecret(appBefore, openedFor, secrets.appToken, ports.opener));
  const app = appWithOneMore(request, appBefore, isKnown, caller, secrets, now);
  const credential = newCredential(id, caller, request, validation, secrets.accessToken, app, {
    publicUrl: ports.publicUrl,
    now,
    createdWith,
  });
  const setUp = newTicket({ kind: 'set-up', tenantId, credentialId: id, reclaim: false }, now);
  const rotation = appBefore === undefined || isKnown ? [] : rotationTickets(app, now);
  const notifications = await firstNotifications(caller, now, ports);
  const subscription = notifications === undefined ? [] : [newTicket({ kind: 'subscribe', tenantId }, now)];
  const tickets = [setUp, ...rotation, ...subscription];
  await ports.creator.ensureTenantSalt(tenantId);
  const outcome = await ports.creator.create({
    credential,
    webhook: { kind: 'credential', webhookId: credential.webhookId, appId: app.appId, tenantId, credentialId: id },
    app,
    appBefore,
    appWebhook: { kind: 'app', webhookId: app.webhookId, appId: app.appId },
    numbers: numberClaimsOf(credential),
    secrets: [
      ...(await sealCredential(credential, secrets, ports.sealer)),
      ...(isKnown ? [] : await sealApp(app, secrets, ports.sealer)),
      ...(await sealFormerCallback(credential, request.previousVerifyToken, ports.sealer)),
    ],
    retired: appBefore === undefined ? [] : retiredOfApp(appBefore, app),
    tickets,
    firstCheck: firstCheckOf(credential),
    notifications,
    quota: ports.quota,
  });
  switch (outcome.outcome) {
    case 'created':
      for (const ticket of tickets.filter(isUrgent)) await handOverWork(ticket, ports);
      return credential;
    case 'app-changed':
      return 'app-changed';
    case 'quota-exceeded':
      return refuse('quota-exceeded', {
        detail: `A tenant may have ${ports.quota} credentials.`,
        guidance: 'Remove a credential that you no longer need, or ask the operator for more.',
      });
    case 'waba-taken': {
      const holder = await ports.credentials.findByWaba(tenantId, request.wabaId);
      return holder !== undefined && madeBySameRequest(holder, createdWith, now) ? holder : wabaTaken(holder);
    }
    case 'number-taken': {
      const number = request.phoneNumberIds?.[outcome.index];
      return numberTaken(outcome.index, number && (await ownHolderOf(caller, number, ports.credentials)));
    }
    default:
      return outcome satisfies never;
  }
};

/** Alerts go to who connects the first credential, until a user of the tenant says otherwise: here that is never decided twice. */
const firstNotifications = async (
  { tenantId, subject, email }: Caller,
  now: Date,
  ports: CreateCredentialPorts,
): Promise<NotificationsRecord | undefined> => {
  if (email === undefined || (await ports.notifications.find(tenantId)) !== undefined) return undefined;
  const destinations = [{ protocol: 'email' as const, endpoint: email }];
  return { tenantId, version: 1, destinations, updatedAt: now.toISOString(), decidedBy: subject };
};

/** How long an Idempotency-Key names the same request. In milliseconds. */
const keyLifetime = 24 * 60 * 60 * 1000;

/** A request that died after it had stored the credential, and is repeated now. */
const madeBySameRequest = (holder: CredentialRecord, createdWith: string | null, now: Date): boolean =>
  createdWith !== null &&
  holder.createdWith === createdWith &&
  holder.status !== 'removing' &&
  now.getTime() - Date.parse(holder.createdAt) < keyLifetime;

const appWithOneMore = (
  { appId }: CreateCredentialRequest,
  before: MetaAppRecord | undefined,
  isKnown: boolean,
  { tenantId }: Caller,
  { appSecret }: CredentialSecrets,
  now: Date,
): MetaAppRecord => {
  const app =
    before === undefined
      ? newApp(appId, appSecret, tenantId, now)
      : isKnown
        ? appProvedBy(before, tenantId)
        : appWithSecret(before, appSecret, tenantId, now);
  return { ...app, credentialCount: app.credentialCount + 1 };
};

/** The verify token of somebody else's callback, which only the removal may open. */
const sealFormerCallback = async (
  credential: CredentialRecord,
  verifyToken: string | undefined,
  sealer: SecretSealer,
) => {
  if (verifyToken === undefined) return [];
  using token = SecretBytes.fromText(verifyToken);
  return [await sealer.seal(identitiesOfCredential(credential).formerCallback, token)];
};

const answer = async (credential: CredentialRecord, ports: CreateCredentialPorts): Promise<Answer> => {
  // Gone when somebody has removed the credential meanwhile.
  const app = await ports.credentials.findApp(credential.appId);
  return {
    kind: 'created',
    body: credentialView(credential, app),
    version: credential.version,
    location: `/v1/credentials/${credential.credentialId}`,
  };
};

export const createCredentialRoute = apiRoute({
  routeKey: 'POST /v1/credentials',
  body: createCredentialRequest,
  idempotent: true,
  run: ({ caller, body, requestDigest, timeLeft }) =>
    createCredential(
      caller,
      body,
      { createdWith: requestDigest, timeLeft },
      {
        credentials: ports.credentials(),
        creator: ports.credentialCreator(),
        notifications: ports.notifications(),
        sealer: ports.sealer(),
        opener: ports.opener(),
        graph: ports.graph(),
        queues: ports.workQueues(),
        journal,
        publicUrl: setting(environmentName.publicUrl),
        quota: Number(setting(environmentName.tenantQuota)),
        now: () => new Date(),
        sleep,
      },
    ),
});
