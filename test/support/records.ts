import type { Alert } from '../../shared/contracts/alert.ts';
import {
  agentId,
  appId,
  credentialId,
  eventId,
  phoneNumberId,
  tenantId,
  wabaId,
  webhookId,
} from '../../shared/contracts/ids.ts';
import type { ActivityStep } from '../../shared/domain/activity.ts';
import type { ClaimedEvent } from '../../shared/domain/claim.ts';
import type {
  AgentRecord,
  Binding,
  CredentialRecord,
  MetaAppRecord,
  NotificationsRecord,
  NumberRecord,
} from '../../shared/domain/records.ts';
import type { ReleaseWork } from '../../shared/domain/release-tickets.ts';

/** Rows of one tenant, as the Directory would hold them. Tests change what they are about. */
export const ids = {
  tenant: tenantId.parse('acme'),
  credential: credentialId.parse('cred_01J0000000000000000000000A'),
  otherCredential: credentialId.parse('cred_01J0000000000000000000000B'),
  app: appId.parse('1042424242424242'),
  waba: wabaId.parse('2042424242424242'),
  number: phoneNumberId.parse('3042424242424242'),
  otherNumber: phoneNumberId.parse('3042424242424243'),
  agent: agentId.parse('support'),
  webhook: webhookId.parse(`wh_${'a'.repeat(43)}`),
  appWebhook: webhookId.parse(`wh_${'b'.repeat(43)}`),
} as const;

const at = '2026-11-22T10:00:00.000Z';

export const appRecord = (change: Partial<MetaAppRecord> = {}): MetaAppRecord => ({
  appId: ids.app,
  webhookId: ids.appWebhook,
  secretVersion: 1,
  previousSecretVersion: null,
  previousAcceptedUntil: null,
  appSecretLastFour: 'cdef',
  appSecretSetAt: at,
  credentialCount: 1,
  provedBy: { acme: 1 },
  subscriptionMade: false,
  ...change,
});

/** An agent that answers the number. */
export const agentRecordOf = (change: Partial<AgentRecord> = {}): AgentRecord => ({
  tenantId: ids.tenant,
  agentId: ids.agent,
  name: 'Support',
  version: 1,
  secretVersion: 1,
  previousSecretVersion: null,
  previousSignsUntil: null,
  target: { type: 'https', url: 'https://agent.example/events' },
  whatsapp: {
    enabled: true,
    credentialId: ids.credential,
    phoneNumberId: ids.number,
    routing: { default: true, conversationMinutes: 60 },
    behaviour: bindingOf().behaviour,
  },
  pausedAt: null,
  agentKeys: [],
  createdAt: at,
  updatedAt: at,
  ...change,
});

export const credentialRecordOf = (change: Partial<CredentialRecord> = {}): CredentialRecord => ({
  tenantId: ids.tenant,
  credentialId: ids.credential,
  label: 'Shop',
  appId: ids.app,
  wabaId: ids.waba,
  version: 1,
  secretVersion: 1,
  proofVersion: 1,
  status: 'connected',
  reason: null,
  standing: null,
  verdict: null,
  finding: null,
  furtherFindings: [],
  unreachableSince: null,
  expiryNotice: null,
  newsAt: null,
  accessTokenLastFour: 'wxyz',
  accessTokenSetAt: at,
  accessTokenExpiresAt: null,
  phoneNumbers: [ids.number, ids.otherNumber].map((phoneNumberId) => ({
    phoneNumberId,
    displayPhoneNumber: '+1 555 0100',
    verifiedName: 'Shop',
    status: 'CONNECTED',
    qualityRating: 'GREEN',
    messagingLimit: 'TIER_250',
  })),
  claimedNumbers: { [ids.number]: { agentIds: [ids.agent], forward: ['message'] } },
  onExistingCallback: 'keep',
  webhookId: ids.webhook,
  webhookUrl: `https://switchboard.example/webhooks/${ids.webhook}`,
  webhookState: 'configured',
  webhookReason: null,
  webhookConfiguredAt: at,
  madeAtMeta: { account: null, numbers: {} },
  formerCallbackVersion: null,
  removal: null,
  leftAtMeta: [],
  createdWith: null,
  createdBy: 'user-1',
  createdAt: at,
  updatedAt: at,
  ...change,
});

/** A message of a customer that is for the agent. */
export const claimedEventOf = (
  change: Partial<ClaimedEvent> & Pick<ClaimedEvent, 'eventId' | 'conversationId'>,
): ClaimedEvent => ({
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  agentId: ids.agent,
  kind: 'message',
  receivedAt: at,
  isReleased: false,
  ...change,
});

export const bindingOf = (change: Partial<Binding> = {}): Binding => ({
  agentId: ids.agent,
  target: { type: 'https', url: 'https://agent.example/events' },
  secretVersion: 1,
  previousSecretVersion: null,
  previousSignsUntil: null,
  routing: { default: true, conversationMinutes: 1440 },
  behaviour: { readReceipts: true, typingIndicator: true, forward: ['message'], greeting: null, away: null },
  pausedAt: null,
  ...change,
});

/** Work that has what is held on a number replayed. */
export const releaseWorkOf = (change: Partial<ReleaseWork> = {}): ReleaseWork => ({
  kind: 'release-held',
  tenantId: ids.tenant,
  phoneNumberIds: [ids.number],
  action: 'replay',
  maxAgeHours: null,
  heldBefore: null,
  cursor: null,
  watch: null,
  ...change,
});

export const numberRecordOf = (change: Partial<NumberRecord> = {}): NumberRecord => ({
  phoneNumberId: ids.number,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  secretVersion: 1,
  wabaId: ids.waba,
  appId: ids.app,
  acceptedSources: [ids.credential],
  bindings: [bindingOf()],
  circuits: {},
  stopped: null,
  boundAt: null,
  deliversSince: null,
  unnumberedAt: null,
  doubt: null,
  ...change,
});

/** Something that an owner is told. */
export const alertRecordOf = (change: Partial<Alert> = {}): Alert => ({
  id: `alert_${'a'.repeat(43)}`,
  kind: 'credential.invalid',
  severity: 'critical',
  at,
  tenantId: ids.tenant,
  credentialId: ids.credential,
  wabaId: ids.waba,
  label: 'Shop',
  code: 'token-revoked',
  title: 'The access token was revoked',
  detail: 'Meta says that the token is not valid any more.',
  guidance: 'Make a new one.',
  link: `https://switchboard.example/console/credentials/${ids.credential}`,
  ...change,
});

/** Where the alerts of the tenant go. */
export const notificationsRecordOf = (change: Partial<NotificationsRecord> = {}): NotificationsRecord => ({
  tenantId: ids.tenant,
  version: 1,
  destinations: [{ protocol: 'email', endpoint: 'ada@example.com' }],
  updatedAt: at,
  decidedBy: 'ada',
  ...change,
});

/** A message that came in, and nothing else yet. */
export const activityStepOf = (change: Partial<ActivityStep> = {}): ActivityStep => ({
  id: eventId.parse(`evt_${'a'.repeat(43)}`),
  tenantId: ids.tenant,
  credentialId: ids.credential,
  phoneNumberId: ids.number,
  agentId: ids.agent,
  kind: 'message',
  direction: 'in',
  at,
  changedAt: at,
  marks: ['in'],
  ...change,
});
