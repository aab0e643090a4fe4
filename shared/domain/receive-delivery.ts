import type { ForwardedKind } from '../contracts/agent.ts';
import { type AppId, phoneNumberId, type TenantId, type WabaId, type WebhookId, wabaId } from '../contracts/ids.ts';
import type { QueuedEvents } from '../contracts/queued-events.ts';
import { claimedSignature, signedWith } from '../crypto/webhook-signature.ts';
import { conversationIdOf, customerKeyOf, eventIdOf } from './event-identity.ts';
import type { Journal } from './journal.ts';
import { fitsQueue, messagesOf, type QueueMessage, roundsOf } from './queue-packing.ts';
import type { CredentialRecord, MetaAppRecord, WebhookRecord } from './records.ts';
import { ownerOfApp, type SecretOpener, sharedTenant } from './vault.ts';
import { parseDelivery, type ReportedEvent } from './webhook-delivery.ts';

/** A POST on a webhook URL, nothing of it believed yet. */
export interface UnverifiedDelivery {
  readonly webhookId: WebhookId;
  /** Exactly the bytes that came in: what the signature is about. */
  readonly rawBody: Uint8Array;
  readonly signature: string | undefined;
}

export type DeliveryOutcome =
  | 'accepted'
  /** Nobody ever had this URL. */
  | 'unknown-webhook'
  /** The credential is gone: take it and forget it, or Meta would retry for days and slow down the user's other apps. */
  | 'discarded'
  /** Not signed by Meta with this app's secret. */
  | 'refused'
  /** Signed, but not the form of a webhook: a repeat would bring the same. */
  | 'malformed'
  /** Not all of it is in the queue: Meta must repeat. */
  | 'not-queued';

export interface ReceiveDeliveryPorts {
  readonly webhooks: {
    find(webhookId: WebhookId): Promise<WebhookRecord | undefined>;
    /** One consistent read: what may have changed since the last delivery. */
    readState(
      webhook: WebhookRecord,
    ): Promise<{ readonly app?: MetaAppRecord; readonly credential?: CredentialRecord }>;
    credentialsOf(appId: AppId, wabaId: WabaId): Promise<readonly CredentialRecord[]>;
    /** Never changes while the tenant exists. */
    tenantSalt(tenantId: TenantId): Promise<Uint8Array>;
  };
  readonly vault: SecretOpener;
  readonly queue: {
    /** The groups of messages that the queue did not take. */
    send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>>;
  };
  readonly journal: Journal;
  readonly now: () => Date;
}

/**
 * Takes a delivery of Meta into the queue, or refuses it: verify the bytes, then parse. Answers `accepted` only when the queue
 * has taken everything that is wanted. Events of numbers that are not the credential's are dropped here: a tenant can sign
 * anything with a secret of its own.
 */
export const receiveDelivery = async (
  delivery: UnverifiedDelivery,
  ports: ReceiveDeliveryPorts,
): Promise<DeliveryOutcome> => {
  const webhook = await ports.webhooks.find(delivery.webhookId);
  if (webhook === undefined) return 'unknown-webhook';
  const claimed = claimedSignature(delivery.signature);
  if (claimed === undefined) return refused(ports);
  const { app, credential } = await ports.webhooks.readState(webhook);
  if (app === undefined || app.credentialCount === 0) return 'discarded';
  if (webhook.kind === 'credential' && (credential === undefined || credential.status === 'removing'))
    return 'discarded';
  if (!(await signedByMeta(app, webhook, delivery.rawBody, claimed, ports))) return refused(ports);

  const reported = parseDelivery(delivery.rawBody);
  if (reported === undefined) {
    ports.journal.warn('webhook-malformed', { appId: app.appId });
    return 'malformed';
  }
  const wanted = await wantedEvents(webhook, credential, reported, ports);
  return (await enqueue(delivery.webhookId, wanted, ports)) ? 'accepted' : 'not-queued';
};

const refused = (ports: ReceiveDeliveryPorts): DeliveryOutcome => {
  ports.journal.count('WebhookRefused');
  return 'refused';
};

/** With the current App Secret or, during a rotation, the previous one. */
const signedByMeta = async (
  app: MetaAppRecord,
  webhook: WebhookRecord,
  rawBody: Uint8Array,
  claimed: Uint8Array,
  ports: ReceiveDeliveryPorts,
): Promise<boolean> => {
  const { previousSecretVersion: previous, previousAcceptedUntil: until } = app;
  const versions = [app.secretVersion];
  if (previous !== null && until !== null && new Date(until) > ports.now()) versions.push(previous);
  const openedFor =
    webhook.kind === 'credential'
      ? { tenantId: webhook.tenantId, subjectId: webhook.credentialId }
      : { tenantId: sharedTenant, subjectId: ownerOfApp(app.appId) };
  for (const secretVersion of versions) {
    using appSecret = await ports.vault.open(
      { tenantId: sharedTenant, ownerId: ownerOfApp(app.appId), purpose: 'webhook-signature', secretVersion },
      openedFor,
    );
    if (signedWith(appSecret, rawBody, claimed)) return true;
  }
  return false;
};

interface WantedEvent {
  readonly credential: CredentialRecord;
  readonly event: ReportedEvent & { readonly kind: QueuedEvents['events'][number]['kind'] };
}

/** Pairs each event with the credential it belongs to; drops and counts what is foreign or wanted by nobody. */
const wantedEvents = async (
  webhook: WebhookRecord,
  credential: CredentialRecord | undefined,
  reported: readonly ReportedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<readonly WantedEvent[]> => {
  const candidates = await credentialsByWaba(webhook, credential, reported, ports);
  const wanted: WantedEvent[] = [];
  let foreign = 0;
  for (const event of reported) {
    const owners = credential ? [credential] : (candidates.get(event.wabaId) ?? []);
    const owner = owners.find((candidate) => claims(candidate, event));
    if (owner) {
      if (event.kind !== 'history' && wantedBy(owner, event))
        wanted.push({ credential: owner, event: { ...event, kind: event.kind } });
    } else if (event.phoneNumberId !== null && !owners.some((candidate) => lists(candidate, event))) foreign++;
  }
  const dropped = reported.length - wanted.length;
  const unwanted = dropped - foreign;
  if (foreign > 0) ports.journal.count('EventsForeign', foreign);
  if (unwanted > 0) ports.journal.count('EventsUnwanted', unwanted);
  ports.journal.info('webhook-accepted', {
    appId: webhook.appId,
    ...(webhook.kind === 'credential' ? { tenantId: webhook.tenantId, credentialId: webhook.credentialId } : {}),
    accepted: wanted.length,
    dropped,
  });
  return wanted;
};

/** What arrives at an app's own webhook is routed by app and WABA id. */
const credentialsByWaba = async (
  webhook: WebhookRecord,
  credential: CredentialRecord | undefined,
  reported: readonly ReportedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<ReadonlyMap<string, readonly CredentialRecord[]>> => {
  if (credential) return new Map();
  const ids = new Set(reported.flatMap((event) => wabaId.safeParse(event.wabaId).data ?? []));
  return new Map(
    await Promise.all([...ids].map(async (id) => [id, await ports.webhooks.credentialsOf(webhook.appId, id)] as const)),
  );
};

const lists = (credential: CredentialRecord, event: ReportedEvent): boolean =>
  credential.phoneNumbers.some((number) => number.phoneNumberId === event.phoneNumberId);

const claims = (credential: CredentialRecord, event: ReportedEvent): boolean =>
  event.phoneNumberId !== null && Object.hasOwn(credential.claimedNumbers, event.phoneNumberId);

const wantedBy = (credential: CredentialRecord, event: ReportedEvent): boolean => {
  const id = phoneNumberId.safeParse(event.phoneNumberId);
  const forward: readonly ForwardedKind[] = id.success ? (credential.claimedNumbers[id.data]?.forward ?? []) : [];
  return (forward as readonly string[]).includes(event.kind);
};

/** True when the queue has everything. A conversation stops at the first message that the queue refuses. */
const enqueue = async (
  webhookId: WebhookId,
  wanted: readonly WantedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<boolean> => {
  const failedGroups = new Set<string>();
  const conversations = (await conversationsOf(wanted, ports)).map(({ envelope, events }) => {
    const messages = messagesOf(webhookId, events, envelope);
    const tooLarge = messages.find((message) => !fitsQueue(message));
    if (tooLarge === undefined) return messages;
    failedGroups.add(tooLarge.groupId);
    return [];
  });
  for (const round of roundsOf(conversations)) {
    const results = await Promise.all(
      round.map(async (batch) => {
        const open = batch.filter((message) => !failedGroups.has(message.groupId));
        return open.length === 0 ? new Set<string>() : await ports.queue.send(open);
      }),
    );
    for (const failed of results) for (const group of failed) failedGroups.add(group);
  }
  if (failedGroups.size > 0) ports.journal.error('webhook-not-queued', { count: failedGroups.size });
  else {
    ports.journal.count('WebhookAccepted');
    ports.journal.count('EventsQueued', wanted.length);
  }
  return failedGroups.size === 0;
};

interface Conversation {
  readonly envelope: Omit<QueuedEvents, 'events'>;
  readonly events: QueuedEvents['events'];
}

const conversationsOf = async (
  wanted: readonly WantedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<readonly Conversation[]> => {
  const conversations = new Map<string, Conversation>();
  const receivedAt = ports.now().toISOString();
  for (const { credential, event } of wanted) {
    const number = phoneNumberId.parse(event.phoneNumberId);
    const salt = await ports.webhooks.tenantSalt(credential.tenantId);
    const conversationId = conversationIdOf(credential.tenantId, number, customerKeyOf(salt, event.customer));
    const conversation = conversations.get(conversationId) ?? {
      envelope: {
        version: 1,
        type: 'events',
        tenantId: credential.tenantId,
        credentialId: credential.credentialId,
        phoneNumberId: number,
        conversationId,
        receivedAt,
      },
      events: [],
    };
    conversation.events.push({
      eventId: eventIdOf(credential.tenantId, event),
      kind: event.kind,
      field: event.field,
      alsoKnownAs: null,
      customer: event.customer,
      value: event.value,
    });
    conversations.set(conversationId, conversation);
  }
  return [...conversations.values()];
};
