import pMap from 'p-map';
import type { LeftAtMeta } from '../contracts/credential.ts';
import { type CredentialId, type PhoneNumberId, phoneNumberId, type TenantId } from '../contracts/ids.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import { unpackParts } from '../crypto/secret-parts.ts';
import { formerCallbackTokens, identitiesOfCredential } from './credential-secrets.ts';
import { Fault } from './fault.ts';
import { type Graph, type GraphAccess, type GraphFailure, type GraphResult, isPassing } from './graph.ts';
import type { Journal } from './journal.ts';
import type { CredentialRecord, MetaAppRecord } from './records.ts';
import type { SecretOpener } from './vault.ts';
import { isOurWebhookUrl, withoutQuery } from './webhook-address.ts';
import { numbersAtOnce } from './webhook-at-meta.ts';
import type { WorkOutcome } from './work.ts';

export interface CleanUpPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    findApp(appId: CredentialRecord['appId']): Promise<MetaAppRecord | undefined>;
    /** Credentials of the app, in whatever tenant, that are not on their way out. */
    inUse(appId: CredentialRecord['appId']): Promise<readonly CredentialRecord[]>;
  };
  readonly removals: {
    /** Switches WhatsApp off for an agent that still names the credential. */
    unbindAgent(credential: CredentialRecord, agentId: string): Promise<void>;
    /** The subscription of the app to the account is this credential's from now on. False when it is being removed itself. */
    handOver(credential: CredentialRecord): Promise<boolean>;
    /** False when the app changed since it was read, a credential has come to it for example: then nothing was done. */
    removeApp(app: MetaAppRecord, credential: CredentialRecord): Promise<boolean>;
    /** The tenant has no credential of the app any more: what it has proved of its App Secret counts no longer. */
    forgetProof(credential: CredentialRecord): Promise<void>;
    /** False when something else changed the same records at the same moment: look again. */
    finish(credential: CredentialRecord, leftAtMeta: readonly LeftAtMeta[]): Promise<boolean>;
  };
  readonly requestSetUp: (credential: CredentialRecord) => Promise<void>;
  readonly vault: SecretOpener;
  readonly graph: Graph;
  readonly journal: Journal;
  readonly now: () => Date;
}

/**
 * Takes a removed credential out of Meta: gives numbers back their former callback or none, ends the subscriptions that we made
 * unless another credential needs them, then shreds the last secret. Looks before each change, so it may be repeated at any point.
 * A token that is dead ends it at once, Meta's silence at the latest when the time has come to shred: what remains is named.
 */
export const cleanUpCredential = async (
  request: { readonly tenantId: TenantId; readonly credentialId: CredentialId },
  ports: CleanUpPorts,
): Promise<WorkOutcome> => {
  const credential = await ports.credentials.find(request.tenantId, request.credentialId);
  if (credential?.removal == null || credential.removal.finishedAt !== null) return 'done';
  for (const agentId of credential.removal.agentIds) await ports.removals.unbindAgent(credential, agentId);

  const deadline = new Date(credential.removal.shredAt);
  const appBefore = await ports.credentials.findApp(credential.appId);
  let left: readonly LeftAtMeta[];
  try {
    left = ports.now() >= deadline ? await everything(credential, ports) : await undo(credential, ports);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    // A secret that is refused may be one that we may not open at this moment, after a deployment for example.
    if (error.code === 'meta-unreachable' || error.code === 'secret-refused') return { outcome: 'later', deadline };
    if (error.code !== 'secret-missing') throw error;
    // Without the secret nothing can be done at Meta.
    left = await everything(credential, ports);
  }
  if (!(await leaveApp(credential, appBefore, ports))) return 'again';
  if (!(await ports.removals.finish(credential, left))) return 'again';
  ports.journal.info('credential-removed', {
    tenantId: credential.tenantId,
    credentialId: credential.credentialId,
    count: left.length,
  });
  return 'done';
};

/** @throws {Fault} meta-unreachable, and what the vault throws */
const undo = async (credential: CredentialRecord, ports: CleanUpPorts): Promise<readonly LeftAtMeta[]> => {
  const { tenantId, credentialId: subjectId } = credential;
  using secret = await ports.vault.open(identitiesOfCredential(credential).cleanUp, { tenantId, subjectId });
  const [accessToken, proof, appToken] = unpackParts(secret, 3);
  if (accessToken === undefined || proof === undefined || appToken === undefined)
    throw new RangeError('A clean-up secret has three parts');
  using _token = accessToken;
  using _proof = proof;
  using _appToken = appToken;
  using formerToken = await openFormerToken(credential, ports.vault);
  const access: GraphAccess = { accessToken, proof, proofMayLag: true };
  const left = [
    ...(await pMap(
      configuredNumbers(credential),
      (number) => undoNumber(credential, number, access, formerToken, ports.graph),
      { concurrency: numbersAtOnce },
    )),
    await undoAccount(credential, access, ports),
    await undoApp(credential, appToken, ports),
  ];
  return left.filter((entry) => entry !== undefined);
};

/**
 * The verify token of the system whose callback was replaced. Undefined where it can't be opened, and where callbacks of several
 * systems were replaced: one of them would be told the token of another.
 */
const openFormerToken = async (credential: CredentialRecord, vault: SecretOpener): Promise<SecretBytes | undefined> => {
  const { tenantId, credentialId: subjectId, madeAtMeta } = credential;
  const [token] = formerCallbackTokens(credential);
  const formers = Object.values(madeAtMeta.numbers).flatMap(({ formerCallback }) => formerCallback ?? []);
  const systems = new Set(formers.map((url) => (URL.canParse(url) ? new URL(url).origin : url)));
  if (token === undefined || systems.size !== 1) return undefined;
  try {
    return await vault.open(token, { tenantId, subjectId });
  } catch (error) {
    if (error instanceof Fault && (error.code === 'secret-missing' || error.code === 'secret-refused'))
      return undefined;
    throw error;
  }
};

const configuredNumbers = (credential: CredentialRecord): readonly PhoneNumberId[] =>
  Object.keys(credential.madeAtMeta.numbers).map((number) => phoneNumberId.parse(number));

const formerCallbackOf = (credential: CredentialRecord, number: PhoneNumberId): string | null =>
  credential.madeAtMeta.numbers[number]?.formerCallback ?? null;

/** A definite no is an answer too: then the thing stays, and is named. @throws {Fault} meta-unreachable */
const answered = <T>(result: GraphResult<T>): GraphResult<T> => {
  if (!result.ok && (result.failure.kind !== 'refused' || isPassing(result.failure.refusal)))
    throw new Fault('meta-unreachable', { retryable: true });
  return result;
};

const undoNumber = async (
  credential: CredentialRecord,
  number: PhoneNumberId,
  access: GraphAccess,
  formerToken: SecretBytes | undefined,
  graph: Graph,
): Promise<LeftAtMeta | undefined> => {
  const former = formerCallbackOf(credential, number);
  const found = answered(await graph.readNumberCallback(access, number));
  if (!found.ok) return ourCallbackLeft(number, former, found.failure);
  const isOurs = found.value !== null && isOurWebhookUrl(found.value, credential.webhookId);
  if (!isOurs) return former === null || found.value !== null ? undefined : formerCallbackLost(number, former);

  if (former !== null && formerToken !== undefined) {
    // Meta asks the former callback for the verify token within this call: only its owner can say whether it still stands.
    const restored = answered(await graph.overrideNumberCallback(access, number, former, formerToken.revealText()));
    if (restored.ok) return undefined;
  }
  const cleared = answered(await graph.clearNumberCallback(access, number));
  if (!cleared.ok) return ourCallbackLeft(number, former, cleared.failure);
  return former === null ? undefined : formerCallbackLost(number, former);
};

const undoAccount = async (
  credential: CredentialRecord,
  access: GraphAccess,
  ports: CleanUpPorts,
): Promise<LeftAtMeta | undefined> => {
  if (credential.madeAtMeta.account !== 'made') return undefined;
  const { appId, wabaId } = credential;
  const sharers = await othersOfAccount(credential, ports);
  // Whoever shares the subscription ends it with its own removal; one that is on its way out may not look again.
  let isShared = false;
  for (const sharer of sharers) {
    if (!(await ports.removals.handOver(sharer))) continue;
    isShared = true;
    // An earlier try may have ended the subscription before the sharer came, and died.
    await ports.requestSetUp(sharer);
  }
  if (isShared) return undefined;
  const apps = answered(await ports.graph.listSubscribedApps(access, wabaId));
  if (!apps.ok) return subscriptionLeft(wabaId, apps.failure);
  const subscription = apps.value.find((app) => app.appId === appId);
  if (subscription !== undefined && subscription.override !== null)
    return {
      level: 'account',
      id: wabaId,
      detail: 'Somebody has set a callback for the whole account since; the subscription of the app was left for it.',
      guidance: 'If nobody needs it, remove the app from the account in WhatsApp Manager.',
    };
  if (subscription !== undefined) {
    const ended = answered(await ports.graph.unsubscribeBusinessAccount(access, wabaId));
    if (!ended.ok) return subscriptionLeft(wabaId, ended.failure);
  }
  // One that came while we, or an earlier try that died, were at it has found the subscription and relies on it.
  for (const other of await othersOfAccount(credential, ports)) await ports.requestSetUp(other);
  return undefined;
};

const othersOfAccount = async (
  credential: CredentialRecord,
  ports: CleanUpPorts,
): Promise<readonly CredentialRecord[]> =>
  (await ports.credentials.inUse(credential.appId)).filter(({ wabaId }) => wabaId === credential.wabaId);

/** The app-level subscription goes with the last credential of the app. */
const undoApp = async (
  credential: CredentialRecord,
  appToken: SecretBytes,
  ports: CleanUpPorts,
): Promise<LeftAtMeta | undefined> => {
  const app = await ports.credentials.findApp(credential.appId);
  if (app === undefined || !app.subscriptionMade || app.credentialCount > 0) return undefined;
  const found = answered(await ports.graph.readAppSubscription(appToken, app.appId));
  if (!found.ok) return appSubscriptionLeft(app.appId, found.failure);
  if (found.value === null || !isOurWebhookUrl(found.value.callbackUrl, app.webhookId)) return undefined;
  const ended = answered(await ports.graph.unsubscribeApp(appToken, app.appId));
  if (!ended.ok) return appSubscriptionLeft(app.appId, ended.failure);
  // One that came while we were at it has found the subscription and relies on it.
  for (const other of await ports.credentials.inUse(app.appId)) await ports.requestSetUp(other);
  return undefined;
};

/**
 * The record of the app and its secrets go with its last credential, and a tenant's proof with the tenant's last one. False when it
 * has to be looked at again: a secret that nobody needs must not outlive a coincidence.
 */
const leaveApp = async (
  credential: CredentialRecord,
  before: MetaAppRecord | undefined,
  ports: CleanUpPorts,
): Promise<boolean> => {
  const app = await ports.credentials.findApp(credential.appId);
  if (app === undefined) return true;
  // It has become the last one since it looked: the app's subscription is still to be ended.
  if (app.credentialCount === 0 && before !== undefined && before.credentialCount > 0) return false;
  if (app.credentialCount === 0) return ports.removals.removeApp(app, credential);
  const others = await ports.credentials.inUse(credential.appId);
  if (!others.some(({ tenantId }) => tenantId === credential.tenantId)) await ports.removals.forgetProof(credential);
  return true;
};

/** What has to be named when nothing can be asked of Meta any more. */
const everything = async (credential: CredentialRecord, ports: CleanUpPorts): Promise<readonly LeftAtMeta[]> => {
  const app = await ports.credentials.findApp(credential.appId);
  return [
    ...configuredNumbers(credential).map((number) => ourCallbackLeft(number, formerCallbackOf(credential, number))),
    ...(credential.madeAtMeta.account === 'made' ? [subscriptionLeft(credential.wabaId)] : []),
    ...(app?.subscriptionMade && app.credentialCount === 0 ? [appSubscriptionLeft(app.appId)] : []),
  ];
};

const because = (failure?: GraphFailure): string =>
  failure?.kind === 'refused' && failure.refusal === 'token-invalid'
    ? 'the access token no longer works'
    : failure?.kind === 'refused'
      ? `Meta refused it with error ${failure.code}`
      : 'Meta could not be asked in time';

const ourCallbackLeft = (number: PhoneNumberId, former: string | null, failure?: GraphFailure): LeftAtMeta => ({
  level: 'number',
  id: number,
  detail:
    `The callback of the number still names this deployment, because ${because(failure)}. What Meta sends there is discarded.` +
    (former === null ? '' : ` Before it was ${withoutQuery(former)}.`),
  guidance:
    'With a valid token of the app: POST /{phone-number-id} with {"webhook_configuration": {"override_callback_uri": ""}}. Or remove the app from the account in WhatsApp Manager.' +
    (former === null ? '' : ' Then register the former callback again, from the system that it belongs to.'),
});

const formerCallbackLost = (number: PhoneNumberId, former: string): LeftAtMeta => ({
  level: 'number',
  id: number,
  detail: `The number had the callback ${withoutQuery(former)} before. It could not be given back, because its verify token is not known here or was not accepted.`,
  guidance: 'Register that callback again, with its verify token, from the system that it belongs to.',
});

const subscriptionLeft = (id: string, failure?: GraphFailure): LeftAtMeta => ({
  level: 'account',
  id,
  detail: `The app is still subscribed to the account, because ${because(failure)}.`,
  guidance:
    'Remove the app from the account in WhatsApp Manager, or DELETE /{waba-id}/subscribed_apps with a valid token.',
});

const appSubscriptionLeft = (id: string, failure?: GraphFailure): LeftAtMeta => ({
  level: 'app',
  id,
  detail: `The webhook of the app still names this deployment, because ${because(failure)}.`,
  guidance: 'Remove the callback in the Meta App Dashboard under WhatsApp, Configuration.',
});
