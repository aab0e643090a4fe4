import * as z from 'zod';
import { agentBehaviour, agentRouting, agentTarget, forwardedKind, putAgentRequest } from '../contracts/agent.ts';
import { credentialStatus, leftAtMeta, phoneNumber, reason, webhookState } from '../contracts/credential.ts';
import {
  agentId,
  agentKeyId,
  appId,
  conversationId,
  credentialId,
  phoneNumberId,
  tenantId,
  wabaId,
  webhookId,
} from '../contracts/ids.ts';
import { destination } from '../contracts/notification.ts';
import { check } from '../contracts/problem.ts';

/** What the Directory keeps. A row is a boundary: adapters parse it with these. Times are ISO-8601 UTC. */
const secretVersion = z.number().int().positive();

/** One per App ID in the whole stack, whoever uses it: Meta has one callback and one App Secret per app. */
export const metaAppRecord = z.object({
  appId,
  webhookId,
  secretVersion,
  previousSecretVersion: secretVersion.nullable(),
  previousAcceptedUntil: z.iso.datetime().nullable(),
  appSecretLastFour: z.string(),
  appSecretSetAt: z.iso.datetime(),
  /** How many credentials use it, in whatever tenant: the app-level subscription goes with the last one. */
  credentialCount: z.number().int(),
  /** Which secretVersion of the App Secret each tenant has proved. */
  provedBy: z.record(z.string(), secretVersion),
  /** We made the app-level subscription at Meta, or were about to: then it is ours to take away. */
  subscriptionMade: z.boolean().default(false),
});
export type MetaAppRecord = z.infer<typeof metaAppRecord>;

/** A number of the credential's account that it owns: which agents answer it and which kinds of event they want. */
export const claimedNumber = z.object({ agentIds: z.array(agentId), forward: z.array(forwardedKind) });
export type ClaimedNumber = z.infer<typeof claimedNumber>;

/** What we did at Meta for a credential, written down before it is done: whatever happens next, a removal knows where to look. */
export const madeAtMeta = z.object({
  /** Our subscription of the app to the account: made by us, or found there. Null while we have not looked. */
  account: z.enum(['made', 'found']).nullable(),
  /** Numbers whose callback we set, each with the callback of somebody else that was there before. */
  numbers: z.record(phoneNumberId, z.object({ formerCallback: z.string().nullable() })),
});
export type MadeAtMeta = z.infer<typeof madeAtMeta>;

/** The way of a credential out of here, from the request to the day when nothing secret is left. */
export const removal = z.object({
  requestedAt: z.iso.datetime(),
  /** From then on nothing of it can be opened, whether Meta is clean or not. */
  shredAt: z.iso.datetime(),
  /** Agents that used it when it was removed. */
  agentIds: z.array(agentId),
  /** When there was nothing more to do. */
  finishedAt: z.iso.datetime().nullable(),
});
export type Removal = z.infer<typeof removal>;

/** What Meta has reported of the account. `isStopped`: nothing goes through it, so events are held. */
export const standing = z.object({
  status: z.enum(['degraded', 'action_required']),
  reason,
  isStopped: z.boolean(),
});
export type Standing = z.infer<typeof standing>;

/** What a check at Meta has proved of a credential: nothing goes through it until it gets other secrets. */
export const verdict = z.object({ status: z.literal('invalid'), reason });
export type Verdict = z.infer<typeof verdict>;

/** What checks have found that stops nothing. `connected`: worth a word, no reason to worry. */
export const finding = z.object({ status: z.enum(['connected', 'degraded', 'action_required']), reason });
export type Finding = z.infer<typeof finding>;

/** The last notice that the access token ends: at that time, and how many days before it was announced. */
export const expiryNotice = z.object({ expiresAt: z.iso.datetime(), days: z.literal([14, 7, 1]) });
export type ExpiryNotice = z.infer<typeof expiryNotice>;

export const credentialRecord = z.object({
  tenantId,
  credentialId,
  label: z.string(),
  appId,
  wabaId,
  /** Counts edits by users. */
  version: z.number().int(),
  /** Counts seals; contexts, caches and verdicts use it. */
  secretVersion,
  /** Edition of the App Secret that the proof inside the sealed secrets was made with. */
  proofVersion: secretVersion.default(1),
  status: credentialStatus,
  reason: reason.nullable(),
  standing: standing.nullable().default(null),
  verdict: verdict.nullable().default(null),
  finding: finding.nullable().default(null),
  /** What else the last check has found, the worse first. */
  furtherFindings: z.array(finding).default([]),
  /** Since when Meta gives no verdict. Says nothing about the credential, and stops nothing. */
  unreachableSince: z.iso.datetime().nullable().default(null),
  expiryNotice: expiryNotice.nullable().default(null),
  /** When Meta says that it was so, in epoch seconds: what is older changes it no more. */
  newsAt: z.number().int().nullable().default(null),
  accessTokenLastFour: z.string(),
  accessTokenSetAt: z.iso.datetime(),
  accessTokenExpiresAt: z.iso.datetime().nullable(),
  phoneNumbers: z.array(phoneNumber),
  claimedNumbers: z.record(phoneNumberId, claimedNumber),
  onExistingCallback: z.enum(['keep', 'replace']),
  webhookId,
  webhookUrl: z.string(),
  webhookState,
  webhookReason: reason.nullable(),
  webhookConfiguredAt: z.iso.datetime().nullable(),
  madeAtMeta: madeAtMeta.default({ account: null, numbers: {} }),
  /** Edition of the sealed verify token of somebody else's callback, where the user gave it. */
  formerCallbackVersion: secretVersion.nullable().default(null),
  removal: removal.nullable().default(null),
  leftAtMeta: z.array(leftAtMeta).default([]),
  /** Epoch seconds: when what was left at Meta is told no longer. */
  expiresAt: z.number().optional(),
  /** Digest of the request that it was created with, Idempotency-Key and body: a repeat after a crash finds what it made. */
  createdWith: z.string().nullable().default(null),
  createdBy: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type CredentialRecord = z.infer<typeof credentialRecord>;

/** What Meta said of a number beside what it lists of all; null: it did not say. `canSend`: AVAILABLE, LIMITED or BLOCKED so far. */
export const numberHealth = z.object({
  canSend: z.string().nullable(),
  /** Meta's words about why it can't send, or not as it likes. */
  problem: z.string().nullable(),
  platformType: z.string().nullable(),
  throughput: z.string().nullable(),
  nameStatus: z.string().nullable(),
});
export type NumberHealth = z.infer<typeof numberHealth>;

/** The same of the account, of the business that owns it and of the Meta app. */
export const accountHealth = numberHealth.pick({ canSend: true, problem: true }).extend({
  /** Which of them the worst is said of, in Meta's words: WABA, BUSINESS or APP. */
  entity: z.string().nullable().default(null),
});
export type AccountHealth = z.infer<typeof accountHealth>;

/** What checks have seen of a credential, beside what they have made of it. What Meta did not show last time is kept from the time before. */
export const credentialHealth = z.object({
  tenantId,
  credentialId,
  /** When Meta was last asked, which no older check overwrites, and when it last gave a verdict. */
  triedAt: z.iso.datetime(),
  checkedAt: z.iso.datetime().nullable(),
  /** How often in a row it gave none. */
  misses: z.number().int(),
  checks: z.array(check),
  /** What Meta answered at the last try instead of a verdict; null: nothing, or a verdict. */
  unanswered: z.object({ code: z.number().int(), subcode: z.number().int().optional() }).nullable().default(null),
  /** When the app's own subscription was last looked at. */
  appSeenAt: z.iso.datetime().nullable(),
  account: accountHealth.nullable(),
  numbers: z.record(phoneNumberId, numberHealth),
  /** Where its entry stands in the line of checks; null: where its creation has put it. */
  nextCheckAt: z.iso.datetime().nullable(),
});
export type CredentialHealth = z.infer<typeof credentialHealth>;

export const lastCheck = credentialHealth.pick({ triedAt: true, checkedAt: true });
export type LastCheck = z.infer<typeof lastCheck>;

/** Whose URL it is. Never changes, so it may be cached. */
export const webhookRecord = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('credential'),
    webhookId,
    appId,
    tenantId,
    credentialId,
    /** Epoch seconds, once it is closed: until then whatever comes is taken and forgotten. */
    expiresAt: z.number().optional(),
  }),
  z.object({ kind: z.literal('app'), webhookId, appId, expiresAt: z.number().optional() }),
]);
export type WebhookRecord = z.infer<typeof webhookRecord>;

export const binding = z.object({
  agentId,
  target: agentTarget,
  /** Edition of the agent's signing secret. */
  secretVersion,
  /** The edition before, which signs too for a while after a rotation. */
  previousSecretVersion: secretVersion.nullable().default(null),
  previousSignsUntil: z.iso.datetime().nullable().default(null),
  routing: agentRouting,
  behaviour: agentBehaviour,
  /** Set while its user wants its events held. */
  pausedAt: z.iso.datetime().nullable().default(null),
});
export type Binding = z.infer<typeof binding>;

/**
 * What the router has found out about an agent's target. `failing`: nothing but failures since then. `open`: its events are held, and
 * one is tried from time to time. `gone`: it answered 410, its events are held until its user says otherwise.
 */
export const circuit = z.object({
  state: z.enum(['failing', 'open', 'gone']),
  since: z.iso.datetime(),
});
export type Circuit = z.infer<typeof circuit>;

/**
 * Meta has refused a send for a reason that may be the credential's. Nothing is sent before `pausedUntil`: the credential is being checked.
 * Until `quietUntil` no such refusal has it checked again.
 */
export const doubt = z.object({
  code: z.number().int(),
  since: z.iso.datetime(),
  /** How many in a row no check has confirmed, and since when, as long as Meta is not known to have taken anything in between. */
  refusals: z.number().int().optional(),
  refusedSince: z.iso.datetime().optional(),
  pausedUntil: z.iso.datetime(),
  quietUntil: z.iso.datetime(),
});
export type Doubt = z.infer<typeof doubt>;

/** Who owns a number in this stack. Read consistently per event; what caches are keyed by. */
export const numberRecord = z.object({
  phoneNumberId,
  tenantId,
  credentialId,
  secretVersion,
  wabaId,
  appId,
  /** Credentials whose deliveries count as this number's. Two during a migration. */
  acceptedSources: z.array(credentialId),
  bindings: z.array(binding),
  /** Agents whose targets are not in order. */
  circuits: z.record(agentId, circuit).default({}),
  /** Set while the integration is disabled: what is for the number's agents is held. */
  stopped: z.object({ code: z.string(), since: z.iso.datetime() }).nullable().default(null),
  /** Since when agents answer it. */
  boundAt: z.iso.datetime().nullable().default(null),
  /** When the first message or call of a customer came to us: since then we hear of all. */
  deliversSince: z.iso.datetime().nullable().default(null),
  /** When somebody last wrote or called without a phone number, to the hour. */
  unnumberedAt: z.iso.datetime().nullable().default(null),
  doubt: doubt.nullable().default(null),
});
export type NumberRecord = z.infer<typeof numberRecord>;

/** A number with the count of its changes: two changes at once must not undo each other. */
export const countedNumber = numberRecord.extend({ revision: z.number().int() });
export type CountedNumber = z.infer<typeof countedNumber>;

/** A key of an agent: enough to recognise it, not to make it. */
const agentKeyRecord = z.object({
  keyId: agentKeyId,
  digest: z.string(),
  lastFour: z.string(),
  createdAt: z.iso.datetime(),
});
export type AgentKeyRecord = z.infer<typeof agentKeyRecord>;

export const agentRecord = z.object({
  tenantId,
  agentId,
  name: z.string(),
  version: z.number().int(),
  secretVersion,
  previousSecretVersion: secretVersion.nullable().default(null),
  previousSignsUntil: z.iso.datetime().nullable().default(null),
  target: agentTarget,
  whatsapp: putAgentRequest.shape.whatsapp.unwrap(),
  /** Set while its user wants its events held. */
  pausedAt: z.iso.datetime().nullable().default(null),
  agentKeys: z.array(agentKeyRecord).default([]),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type AgentRecord = z.infer<typeof agentRecord>;

/**
 * One customer on one number. Holds no identity: its id is a keyed hash. The same customer under another form of identity is an item
 * that only says `joinedTo`.
 */
export const conversationRecord = z.object({
  conversationId,
  tenantId,
  phoneNumberId,
  joinedTo: conversationId.nullable().default(null),
  /** Another form that is joined to this one, the last of them. */
  joinedBy: conversationId.nullable().default(null),
  /** The agent that took it, and until when it keeps it. */
  agentId: agentId.nullable().default(null),
  agentUntil: z.iso.datetime().nullable().default(null),
  /** When it was last greeted, and when it was last told that nobody is there. */
  greetedAt: z.iso.datetime().nullable().default(null),
  awaySaidAt: z.iso.datetime().nullable().default(null),
  /** When a human last answered from the Business app, to the hour. */
  humanAt: z.iso.datetime().nullable().default(null),
  /** When its customer last wrote or called, by Meta's clock, to the hour. */
  lastInboundAt: z.iso.datetime().nullable().default(null),
  /** Events that are held: later ones go the same way, so that none is overtaken. */
  heldCount: z.number().int().default(0),
  /** How many have ever been held: where the next one stands in the line. */
  heldEver: z.number().int().default(0),
  /** Held events that wait for the user's choice: later ones do not wait for them. */
  setAsideCount: z.number().int().default(0),
  /** An event of it went to the dead letters by a fault of ours, and when the first one after it was handled: the conversation has moved on. */
  skippedAt: z.iso.datetime().nullable().default(null),
  lastHandledAt: z.iso.datetime().nullable().default(null),
  /** What was received before is forgotten: its customer was erased. */
  erasedAt: z.iso.datetime().nullable().default(null),
  revision: z.number().int(),
  /** Epoch seconds. */
  expiresAt: z.number(),
});
export type ConversationRecord = z.infer<typeof conversationRecord>;

/** Where a tenant's alerts go, as its users want it. Whether SNS has come that far is asked there. */
export const notificationsRecord = z.object({
  tenantId,
  /** Counts edits. */
  version: z.number().int(),
  destinations: z.array(destination),
  updatedAt: z.iso.datetime(),
  decidedBy: z.string(),
});
export type NotificationsRecord = z.infer<typeof notificationsRecord>;
