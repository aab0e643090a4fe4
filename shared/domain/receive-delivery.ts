import pMap from 'p-map';
import * as z from 'zod';
import { phoneNumber } from '../contracts/credential.ts';
import {
  type AppId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
  type WabaId,
  type WebhookId,
  wabaId,
} from '../contracts/ids.ts';
import type { AccountNews, QueuedEvent } from '../contracts/queued-events.ts';
import { claimedSignature, signedWith } from '../crypto/webhook-signature.ts';
import { changesOurPicture } from './account-news.ts';
import { callbackDataPrefix } from './callback-data.ts';
import { conversationOf, eventIdOf, newsIdOf } from './event-identity.ts';
import type { FailedSignatures } from './failed-signatures.ts';
import { Fault } from './fault.ts';
import type { Journal } from './journal.ts';
import { nestsDeeperThan } from './json.ts';
import { type ConversationEnvelope, messagesOf, newsMessagesOf, type QueueMessage, roundsOf } from './queue-packing.ts';
import { type ClaimedNumber, credentialRecord, metaAppRecord, type WebhookRecord } from './records.ts';
import type { RelayStore } from './relay.ts';
import { type CachedOpener, ownerOfApp, sharedTenant } from './vault.ts';
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
  /** So many wrong signatures of late that no secret is fetched for one more: Meta must repeat. */
  | 'throttled'
  /** Signed, but not the form of a webhook: a repeat would bring the same. */
  | 'malformed'
  /** Not all of it is in the queue: Meta must repeat. */
  | 'not-queued';

/** What a delivery needs to know of its Meta app, and nothing more: it is read for every one. */
export const receivingApp = metaAppRecord.pick({
  appId: true,
  secretVersion: true,
  previousSecretVersion: true,
  previousAcceptedUntil: true,
  credentialCount: true,
});
export type ReceivingApp = z.infer<typeof receivingApp>;

/** The same of a credential. */
export const receivingCredential = credentialRecord
  .pick({ tenantId: true, credentialId: true, wabaId: true, status: true, claimedNumbers: true })
  .extend({ phoneNumbers: z.array(phoneNumber.pick({ phoneNumberId: true, displayPhoneNumber: true })) });
export type ReceivingCredential = z.infer<typeof receivingCredential>;

export interface ReceiveDeliveryPorts {
  readonly webhooks: {
    find(webhookId: WebhookId): Promise<WebhookRecord | undefined>;
    /** One consistent read: what may have changed since the last delivery. */
    readState(
      webhook: WebhookRecord,
    ): Promise<{ readonly app?: ReceivingApp; readonly credential?: ReceivingCredential }>;
    credentialsOf(appId: AppId, wabaId: WabaId): Promise<readonly ReceivingCredential[]>;
    /** Never changes while the tenant exists. */
    tenantSalt(tenantId: TenantId): Promise<Uint8Array>;
  };
  readonly vault: CachedOpener;
  readonly failures: FailedSignatures;
  /** Has a credential checked whose deliveries are signed with another secret than ours. */
  readonly suspect: (credential: Pick<ReceivingCredential, 'tenantId' | 'credentialId'>) => Promise<void>;
  readonly relay: Pick<RelayStore, 'put'>;
  readonly queue: {
    /** The groups of messages that the queue did not take. */
    send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>>;
  };
  readonly journal: Journal;
  readonly now: () => Date;
}

/** Calls of SQS or S3 at once: a thousand conversations in one delivery must not open a hundred connections. */
const callsAtOnce = 10;

/**
 * Takes a delivery of Meta into the queue, or refuses it: verify the bytes, then parse. Answers `accepted` only when the queue
 * has taken everything that is wanted. Events of numbers that are not the credential's are dropped here: a tenant can sign
 * anything with a secret of its own. @throws {Fault} store-unavailable, kms-unavailable, queue-unavailable, secret-missing, secret-refused,
 * row-malformed: then Meta must repeat as well
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
  const verdict = await judged(app, webhook, delivery.rawBody, claimed, ports);
  if (verdict === 'refused') {
    await suspectAppSecret(webhook, ports);
    return refused(ports);
  }
  if (verdict === 'throttled') {
    ports.journal.count('WebhookThrottled');
    return 'throttled';
  }

  const reported = parseDelivery(delivery.rawBody);
  if (reported === undefined) {
    ports.journal.warn('webhook-malformed', { appId: app.appId });
    return 'malformed';
  }
  const wanted = await wantedOf(webhook, credential, reported, ports);
  return (await enqueue(delivery.webhookId, wanted, ports)) ? 'accepted' : 'not-queued';
};

/** Has the credential checked. Best effort: the clock comes by too. Where the URL is the app's own, those of its credentials find it out. */
const suspectAppSecret = async (webhook: WebhookRecord, { failures, suspect, journal }: ReceiveDeliveryPorts) => {
  if (webhook.kind !== 'credential' || !failures.areSuspicious(webhook.webhookId)) return;
  const { tenantId, credentialId } = webhook;
  await suspect({ tenantId, credentialId }).catch(() =>
    journal.error('suspicion-not-queued', { tenantId, credentialId }),
  );
};

const refused = (ports: ReceiveDeliveryPorts): DeliveryOutcome => {
  ports.journal.count('WebhookRefused');
  return 'refused';
};

/**
 * Signed with the current App Secret or, during a rotation, the previous one. Once too many signatures were wrong, only with what is at hand:
 * a flood costs no calls of KMS, and stops nobody whose secret is there. What can't be opened counts as wrong too.
 */
const judged = async (
  app: ReceivingApp,
  webhook: WebhookRecord,
  rawBody: Uint8Array,
  claimed: Uint8Array,
  ports: ReceiveDeliveryPorts,
): Promise<'signed' | 'refused' | 'throttled'> => {
  const { previousSecretVersion: previous, previousAcceptedUntil: until } = app;
  const versions = [app.secretVersion];
  if (previous !== null && until !== null && new Date(until) > ports.now()) versions.push(previous);
  const openedFor =
    webhook.kind === 'credential'
      ? { tenantId: webhook.tenantId, subjectId: webhook.credentialId }
      : { tenantId: sharedTenant, subjectId: ownerOfApp(app.appId) };
  const onlyAtHand = ports.failures.areTooMany(webhook.webhookId);
  let verdict: 'refused' | 'throttled' = 'refused';
  try {
    for (const secretVersion of versions) {
      const identity = {
        tenantId: sharedTenant,
        ownerId: ownerOfApp(app.appId),
        purpose: 'webhook-signature',
        secretVersion,
      } as const;
      if (onlyAtHand && !ports.vault.isAtHand(identity, openedFor)) {
        verdict = 'throttled';
        continue;
      }
      using appSecret = await ports.vault.open(identity, openedFor);
      if (signedWith(appSecret, rawBody, claimed)) return 'signed';
    }
  } catch (error) {
    ports.failures.count(webhook.webhookId);
    throw error;
  }
  // What was not judged is not held against the webhook: else a trickle would keep it shut.
  if (verdict === 'refused') ports.failures.count(webhook.webhookId);
  return verdict;
};

/** An event for the agents of a number. */
interface WantedEvent {
  readonly credential: ReceivingCredential;
  readonly phoneNumberId: PhoneNumberId;
  readonly event: ReportedEvent & { readonly kind: QueuedEvent['kind'] };
}

/** What changes our picture of a credential. */
interface WantedNews {
  readonly credential: ReceivingCredential;
  readonly event: ReportedEvent;
}

interface Wanted {
  readonly events: readonly WantedEvent[];
  readonly news: readonly WantedNews[];
}

/**
 * What is nested deeper is not Meta's, whose events have some ten levels, and could not be written down with what we put around it: it would be
 * a dead letter.
 */
const deepestValue = 100;

/** Pairs each event with the numbers and credentials that it is for; drops and counts what is foreign, wanted by nobody or can't be carried. */
const wantedOf = async (
  webhook: WebhookRecord,
  credential: ReceivingCredential | undefined,
  reported: readonly ReportedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<Wanted> => {
  const candidates = await credentialsByWaba(webhook, credential, reported, ports);
  const events: WantedEvent[] = [];
  const news: WantedNews[] = [];
  let foreign = 0;
  let unwanted = 0;
  let malformed = 0;
  for (const event of reported) {
    if (nestsDeeperThan(event.value, deepestValue)) {
      malformed++;
      continue;
    }
    const owners = credential ? [credential] : (candidates.get(event.wabaId) ?? []);
    const concerned = owners.map((owner) => ({ owner, numbers: numbersOf(owner, event) }));
    if (!concerned.some(({ numbers }) => numbers !== undefined)) {
      foreign++;
      continue;
    }
    const { kind } = event;
    const before = events.length + news.length;
    for (const { owner, numbers = [] } of concerned) {
      if (kind === 'history') continue;
      for (const [number, claimed] of numbers)
        if (wantedBy(claimed, event))
          events.push({ credential: owner, phoneNumberId: number, event: { ...event, kind } });
      if (owner.wabaId === event.wabaId && changesOurPicture(event)) news.push({ credential: owner, event });
    }
    if (events.length + news.length === before) unwanted++;
  }
  if (foreign > 0) ports.journal.count('EventsForeign', foreign);
  if (unwanted > 0) ports.journal.count('EventsUnwanted', unwanted);
  if (malformed > 0) ports.journal.count('EventsMalformed', malformed);
  ports.journal.info('webhook-accepted', {
    appId: webhook.appId,
    ...(webhook.kind === 'credential' ? { tenantId: webhook.tenantId, credentialId: webhook.credentialId } : {}),
    accepted: reported.length - foreign - unwanted - malformed,
    dropped: foreign + unwanted + malformed,
  });
  return { events, news };
};

/** What arrives at an app's own webhook is routed by app and WABA id. */
const credentialsByWaba = async (
  webhook: WebhookRecord,
  credential: ReceivingCredential | undefined,
  reported: readonly ReportedEvent[],
  ports: ReceiveDeliveryPorts,
): Promise<ReadonlyMap<string, readonly ReceivingCredential[]>> => {
  if (credential) return new Map();
  const named = [...new Set(reported.map((event) => event.wabaId))];
  const ids = named.flatMap((id) => wabaId.safeParse(id).data ?? []);
  return new Map(
    await pMap(ids, async (id) => [id, await ports.webhooks.credentialsOf(webhook.appId, id)] as const, {
      concurrency: callsAtOnce,
    }),
  );
};

type Claimed = readonly [PhoneNumberId, ClaimedNumber];

/**
 * The claimed numbers of a credential that an event is about: the one that it names or, for a notice that names none, all of them.
 * No number where it names one that is not claimed. Undefined where it is not the credential's at all.
 */
const numbersOf = (credential: ReceivingCredential, event: ReportedEvent): readonly Claimed[] | undefined => {
  const isOfAccount = event.kind === 'account' && event.wabaId === credential.wabaId;
  if (event.phoneNumberId === null && event.displayPhoneNumber === null)
    return isOfAccount ? Object.keys(credential.claimedNumbers).flatMap((id) => claimOf(credential, id)) : undefined;
  const named = event.phoneNumberId ?? numberShownAs(credential, event.displayPhoneNumber);
  const claims = claimOf(credential, named);
  return claims.length > 0 || isOfAccount || lists(credential, named) ? claims : undefined;
};

const claimOf = ({ claimedNumbers }: ReceivingCredential, named: string | undefined): readonly Claimed[] => {
  const id = phoneNumberId.safeParse(named).data;
  const claimed = id !== undefined && Object.hasOwn(claimedNumbers, id) ? claimedNumbers[id] : undefined;
  return id === undefined || claimed === undefined ? [] : [[id, claimed]];
};

const lists = ({ phoneNumbers }: ReceivingCredential, named: string | undefined): boolean =>
  phoneNumbers.some((number) => number.phoneNumberId === named);

/** Some notices name a number as it is shown, in whatever spelling. */
const numberShownAs = ({ phoneNumbers }: ReceivingCredential, digits: string | null): string | undefined =>
  phoneNumbers.find(({ displayPhoneNumber }) => displayPhoneNumber?.replace(/\D/g, '') === digits)?.phoneNumberId;

/**
 * What the router needs is wanted whether an agent asks for it or not: the fate of what we have sent, that a customer has written or called, that a
 * human has answered, that a customer is known otherwise from now on.
 */
const wantedBy = ({ agentIds, forward }: ClaimedNumber, event: ReportedEvent): boolean => {
  const { kind, value } = event;
  if (kind === 'history') return false;
  if (forward.includes(kind)) return true;
  if (kind === 'status') return value.status === 'failed' || isOurs(value);
  return agentIds.length > 0 && (kind !== 'account' || event.formerCustomer !== null);
};

const isOurs = ({ biz_opaque_callback_data: mark }: ReportedEvent['value']): boolean =>
  typeof mark === 'string' && mark.startsWith(callbackDataPrefix);

/** True when the queue has everything. A group stops at its first message that the queue, or the relay bucket before it, refuses. */
const enqueue = async (webhookId: WebhookId, wanted: Wanted, ports: ReceiveDeliveryPorts): Promise<boolean> => {
  const receivedAt = ports.now().toISOString();
  const groups = [
    ...(await conversationsOf(wanted.events, receivedAt, ports)).map(({ envelope, events }) =>
      messagesOf(webhookId, events, envelope),
    ),
    ...newsOf(webhookId, wanted.news, receivedAt, ports),
  ];
  const failedGroups = new Set<string>();
  const open = ({ groupId }: QueueMessage) => !failedGroups.has(groupId);
  for (const round of roundsOf(groups)) {
    await pMap(round.flat().filter(open), (message) => relay(message, failedGroups, ports), {
      concurrency: callsAtOnce,
    });
    const results = await pMap(
      round,
      async (batch) => {
        const rest = batch.filter(open);
        return rest.length === 0 ? new Set<string>() : await ports.queue.send(rest);
      },
      { concurrency: callsAtOnce },
    );
    for (const failed of results) for (const group of failed) failedGroups.add(group);
  }
  if (failedGroups.size > 0) {
    ports.journal.error('webhook-not-queued', { count: failedGroups.size });
    return false;
  }
  ports.journal.count('WebhookAccepted');
  ports.journal.count('EventsQueued', wanted.events.length + wanted.news.length);
  return true;
};

/** Puts what a message points at into the relay bucket, before it is sent. */
const relay = async (
  { groupId, relayed }: QueueMessage,
  failedGroups: Set<string>,
  ports: ReceiveDeliveryPorts,
): Promise<void> => {
  if (relayed === undefined) return;
  try {
    await ports.relay.put(relayed.key, relayed.body);
    ports.journal.count('EventsRelayed');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    ports.journal.error('event-not-relayed', { code: error.code });
    failedGroups.add(groupId);
  }
};

interface Conversation {
  readonly envelope: ConversationEnvelope;
  readonly events: QueuedEvent[];
}

const conversationsOf = async (
  wanted: readonly WantedEvent[],
  receivedAt: string,
  ports: ReceiveDeliveryPorts,
): Promise<readonly Conversation[]> => {
  const conversations = new Map<string, Conversation>();
  const salts = await saltsOf(wanted, ports);
  for (const { credential, phoneNumberId: number, event } of wanted) {
    const { tenantId, credentialId } = credential;
    const salt = salts.get(tenantId);
    if (salt === undefined) throw new RangeError('Every tenant has a salt');
    const { conversationId, alsoKnownAs } = conversationOf(tenantId, number, salt, event);
    const conversation = conversations.get(conversationId) ?? {
      envelope: { version: 1, tenantId, credentialId, phoneNumberId: number, conversationId, receivedAt },
      events: [],
    };
    conversation.events.push({
      eventId: eventIdOf(tenantId, { ...event, phoneNumberId: number }),
      kind: event.kind,
      field: event.field,
      alsoKnownAs,
      customer: event.customer,
      value: event.value,
    });
    conversations.set(conversationId, conversation);
  }
  return [...conversations.values()];
};

const saltsOf = async (
  wanted: readonly WantedEvent[],
  { webhooks }: ReceiveDeliveryPorts,
): Promise<ReadonlyMap<TenantId, Uint8Array>> => {
  const tenants = [...new Set(wanted.map(({ credential }) => credential.tenantId))];
  return new Map(
    await pMap(tenants, async (tenant) => [tenant, await webhooks.tenantSalt(tenant)] as const, {
      concurrency: callsAtOnce,
    }),
  );
};

interface CredentialNews {
  readonly envelope: Omit<AccountNews, 'type' | 'news'>;
  readonly news: AccountNews['news'];
}

const newsOf = (
  webhookId: WebhookId,
  wanted: readonly WantedNews[],
  receivedAt: string,
  { journal }: ReceiveDeliveryPorts,
): readonly (readonly QueueMessage[])[] => {
  const byCredential = new Map<string, CredentialNews>();
  for (const { credential, event } of wanted) {
    const { tenantId, credentialId } = credential;
    const told = byCredential.get(credentialId) ?? {
      envelope: { version: 1, tenantId, credentialId, receivedAt },
      news: [],
    };
    const { field, value, entryTime } = event;
    // Of each credential's own: by the id of another credential of the account, whoever is first would claim it for both.
    const eventId = newsIdOf(tenantId, { ...event, phoneNumberId: credentialId });
    told.news.push({ eventId, field, value, at: newsTimeOf(entryTime, receivedAt) });
    byCredential.set(credentialId, told);
  }
  return [...byCredential.values()].map(({ envelope, news }) => {
    const { messages, leftOut } = newsMessagesOf(webhookId, news, envelope);
    const { tenantId, credentialId } = envelope;
    if (leftOut > 0) journal.warn('account-news-too-large', { tenantId, credentialId, count: leftOut });
    return messages;
  });
};

/** In epoch seconds. A time to come is of somebody who wants all that follows to count as old: nothing was reported later than it came. */
const newsTimeOf = (entryTime: string | null, receivedAt: string): number | null =>
  entryTime !== null && /^\d+$/.test(entryTime)
    ? Math.min(Number(entryTime), Math.floor(Date.parse(receivedAt) / 1000))
    : null;
