import { ulid } from 'ulid';
import type { CredentialCreator, CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { SetUpQueue } from '../../shared/adapters/sqs-queues.ts';
import { type CreateCredentialRequest, createCredentialRequest } from '../../shared/contracts/credential.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { appSecretProof } from '../../shared/crypto/appsecret-proof.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import {
  appWithOneMore,
  type CredentialSecrets,
  claimedNumbersOf,
  newCredential,
  sealAll,
} from '../../shared/domain/new-credential.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord } from '../../shared/domain/records.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import { type ValidationOutcome, validateCredential } from '../../shared/domain/validate-credential.ts';
import { ownerOfApp, type SecretOpener, type SecretSealer, sharedTenant } from '../../shared/domain/vault.ts';
import { type Answer, apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { requestSetUp } from '../edge/request-set-up.ts';

export interface CreateCredentialPorts {
  readonly credentials: CredentialReader;
  readonly creator: CredentialCreator;
  readonly sealer: SecretSealer;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly setUpQueue: SetUpQueue;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** How long the answer waits for the webhook, how often it looks, and what it leaves for itself. In milliseconds. */
const setUpPatience = 10_000;
const setUpPollInterval = 200;
const answerReserve = 3_000;

/** Two tenants may connect the same Meta app at once: whoever comes second reads it again. */
const maxAppRaces = 4;

/**
 * Connects WhatsApp credentials: validates them at Meta, seals each purpose apart, stores everything in one transaction and sets up
 * the webhook. Nothing is stored unless Meta confirmed all of it.
 */
export const createCredential = async (
  caller: Caller,
  request: CreateCredentialRequest,
  timeLeft: () => number,
  ports: CreateCredentialPorts,
): Promise<Answer | Refused> => {
  for (let race = 0; race < maxAppRaces; race++) {
    const appBefore = await ports.credentials.findApp(request.appId);
    using appSecret = await provedAppSecret(caller, request, appBefore, ports);
    if (appSecret === undefined) return appSecretRequired;
    using accessToken = SecretBytes.fromText(request.accessToken);
    using proof = appSecretProof(appSecret, accessToken);
    using appToken = SecretBytes.fromText(`${request.appId}|${appSecret.revealText()}`);

    const validation = await validateCredential(
      {
        appId: request.appId,
        appToken,
        access: { accessToken, proof },
        wabaId: request.wabaId,
        phoneNumberIds: request.phoneNumberIds ?? [],
      },
      ports.graph,
      ports.now(),
    );
    if (validation.outcome !== 'valid') return refusalOf(validation);

    using previousVerifyToken = SecretBytes.fromText(request.previousVerifyToken ?? '');
    const secrets = { appSecret, accessToken, proof, appToken, previousVerifyToken };
    const created = await store(caller, request, validation, appBefore, secrets, ports);
    if (created === 'app-changed') continue;
    if ('refused' in created) return created;
    return answer(await webhookSettled(created, timeLeft, ports), ports);
  }
  return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
};

/** The one that was sent, or the one that this tenant has proved before; undefined when there is neither. */
const provedAppSecret = async (
  caller: Caller,
  request: CreateCredentialRequest,
  app: MetaAppRecord | undefined,
  ports: CreateCredentialPorts,
): Promise<SecretBytes | undefined> => {
  if (request.appSecret !== undefined) return SecretBytes.fromText(request.appSecret.toLowerCase());
  if (app === undefined || app.provedBy[caller.tenantId] !== app.secretVersion) return undefined;
  using appToken = await ports.opener.open(
    { tenantId: sharedTenant, ownerId: ownerOfApp(app.appId), purpose: 'app-access', secretVersion: app.secretVersion },
    { tenantId: caller.tenantId, subjectId: ownerOfApp(app.appId) },
  );
  return SecretBytes.takeOver(appToken.bytes().slice(Buffer.byteLength(`${app.appId}|`)));
};

const appSecretRequired = refuse('invalid-request', {
  errors: [
    {
      pointer: '/appSecret',
      message: 'The App Secret is required: you have not proved it for this app yet.',
      guidance: 'Copy it from App settings, Basic in the Meta App Dashboard.',
    },
  ],
  guidance: 'Enter the App Secret.',
});

const refusalOf = (validation: Exclude<ValidationOutcome, { outcome: 'valid' }>): Refused => {
  const meta = validation.meta === undefined ? {} : { meta: validation.meta };
  if (validation.outcome === 'unreachable')
    return refuse('meta-unreachable', {
      detail: 'Meta gave no verdict on the credentials. Nothing was stored.',
      guidance: 'Try again in a minute. Meta announces outages at https://metastatus.com.',
      retryAfterSeconds: 60,
      ...meta,
    });
  const failed = validation.checks.find(({ verdict }) => verdict === 'failed');
  return refuse('credential-refused', {
    detail: failed?.detail ?? 'A check failed.',
    guidance: failed?.guidance ?? 'Correct the named field.',
    errors: [{ pointer: failed?.pointer ?? '', message: failed?.detail ?? '', guidance: failed?.guidance ?? '' }],
    checks: [...validation.checks],
    ...meta,
  });
};

const store = async (
  caller: Caller,
  request: CreateCredentialRequest,
  validation: ValidationOutcome & { readonly outcome: 'valid' },
  appBefore: MetaAppRecord | undefined,
  secrets: CredentialSecrets,
  ports: CreateCredentialPorts,
): Promise<CredentialRecord | Refused | 'app-changed'> => {
  const { tenantId } = caller;
  const now = ports.now();
  const id = credentialId.parse(`cred_${ulid()}`);
  const sameSecret = appBefore !== undefined && (await isCurrent(appBefore, id, caller, secrets.appSecret, ports));
  const app = appWithOneMore(request, appBefore, sameSecret, tenantId, secrets.appSecret, now);
  const credential = newCredential(id, caller, request, validation, secrets.accessToken, ports.publicUrl, now);
  await ports.creator.ensureTenantSalt(tenantId);
  const outcome = await ports.creator.create({
    credential,
    webhook: { kind: 'credential', webhookId: credential.webhookId, appId: app.appId, tenantId, credentialId: id },
    app,
    appBefore,
    appWebhook: { kind: 'app', webhookId: app.webhookId, appId: app.appId },
    numbers: claimedNumbersOf(credential),
    secrets: await sealAll(credential, app, sameSecret, secrets, ports.sealer),
  });
  switch (outcome.outcome) {
    case 'created':
      return credential;
    case 'app-changed':
      return 'app-changed';
    case 'waba-taken':
      return refuse('waba-taken', {
        errors: [{ pointer: '/wabaId', message: 'You have connected this account already.' }],
        guidance: 'Use the credential that you have for this account (GET /v1/credentials).',
      });
    case 'number-taken':
      return refuse('number-taken', {
        errors: [{ pointer: `/phoneNumberIds/${outcome.index}`, message: 'This number is in use elsewhere.' }],
        guidance: 'Leave the number out, or ask the operator to release it.',
      });
    default:
      return outcome satisfies never;
  }
};

/** Compares with the App Secret that the stack knows, without telling anybody which it is. */
const isCurrent = async (
  app: MetaAppRecord,
  credential: CredentialId,
  caller: Caller,
  appSecret: SecretBytes,
  ports: CreateCredentialPorts,
): Promise<boolean> => {
  using known = await ports.opener.open(
    { tenantId: sharedTenant, ownerId: ownerOfApp(app.appId), purpose: 'app-access', secretVersion: app.secretVersion },
    { tenantId: caller.tenantId, subjectId: credential },
  );
  using offered = SecretBytes.fromText(`${app.appId}|${appSecret.revealText()}`);
  return known.equals(offered.bytes());
};

/** Waits for the set-up worker as long as the caller can wait; what is not settled by then is `pending`. */
const webhookSettled = async (
  credential: CredentialRecord,
  timeLeft: () => number,
  ports: CreateCredentialPorts,
): Promise<CredentialRecord> => {
  const { tenantId, credentialId } = credential;
  if (!(await requestSetUp(credential, ports))) return credential;
  const patience = Math.min(setUpPatience, timeLeft() - answerReserve);
  let current = credential;
  for (let waited = 0; waited < patience && current.webhookState === 'pending'; waited += setUpPollInterval) {
    await ports.sleep(setUpPollInterval);
    current = (await ports.credentials.find(tenantId, credentialId)) ?? current;
  }
  return current;
};

const answer = async (credential: CredentialRecord, ports: CreateCredentialPorts): Promise<Answer> => {
  const app = await ports.credentials.findApp(credential.appId);
  if (app === undefined) throw new Fault('row-malformed', { retryable: false });
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
  run: ({ caller, body, timeLeft }) =>
    createCredential(caller, body, timeLeft, {
      credentials: ports.credentials(),
      creator: ports.credentialCreator(),
      sealer: ports.sealer(),
      opener: ports.opener(),
      graph: ports.graph(),
      setUpQueue: ports.setUpQueue(),
      journal,
      publicUrl: setting(environmentName.publicUrl),
      now: () => new Date(),
      sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
    }),
});
