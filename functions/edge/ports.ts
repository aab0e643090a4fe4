import { setTimeout as sleep } from 'node:timers/promises';
import { activityReader, activityStore } from '../../shared/adapters/activity-store.ts';
import { agentDispatcher } from '../../shared/adapters/agent-dispatcher.ts';
import { agentKeyReader, agentReader, agentSaver as agentSaverOf } from '../../shared/adapters/agent-store.ts';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { auditReader } from '../../shared/adapters/audit-reader.ts';
import { dynamoDb, kms, runtimeLambda, runtimeSqs, s3, sns, sqs } from '../../shared/adapters/aws-clients.ts';
import { checkScheduleStore } from '../../shared/adapters/check-schedule-store.ts';
import {
  credentialCreator as credentialCreatorOf,
  credentialReader,
  webhookStateRecorder,
} from '../../shared/adapters/credential-store.ts';
import { customerEraser } from '../../shared/adapters/customer-eraser.ts';
import { doubtStore } from '../../shared/adapters/doubt-store.ts';
import { editionStore } from '../../shared/adapters/edition-store.ts';
import { graphApi } from '../../shared/adapters/graph-api.ts';
import { heldReader } from '../../shared/adapters/held-store.ts';
import { idempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { mediaBucket, mediaDoor as mediaDoorOf } from '../../shared/adapters/media-bucket.ts';
import { mediaTransferStore } from '../../shared/adapters/media-transfer-store.ts';
import { messageStore } from '../../shared/adapters/message-store.ts';
import { metaUsageStore } from '../../shared/adapters/meta-usage-store.ts';
import { notificationReader, notificationStore } from '../../shared/adapters/notification-store.ts';
import { outageStore } from '../../shared/adapters/outage-store.ts';
import { relayStore } from '../../shared/adapters/relay-store.ts';
import { removalStarter as removalStarterOf, removalStore } from '../../shared/adapters/removal-store.ts';
import { repairStore } from '../../shared/adapters/repair-store.ts';
import { routingStore } from '../../shared/adapters/routing-store.ts';
import { dispatcherByTarget, functionRuntime, queueRuntime } from '../../shared/adapters/runtime-dispatcher.ts';
import {
  snsPublisher,
  tenantTopicReader as tenantTopicReaderOf,
  tenantTopics as tenantTopicsOf,
} from '../../shared/adapters/sns-topics.ts';
import { mediaQueue as mediaQueueOf, workQueues as workQueuesOf } from '../../shared/adapters/sqs-queues.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { secretOpener, secretSealer } from '../../shared/adapters/vault.ts';
import { vaultWalk } from '../../shared/adapters/vault-walk.ts';
import { alertOutbox as alertOutboxOf, verdictHistory } from '../../shared/adapters/verdict-history.ts';
import { verdictStore } from '../../shared/adapters/verdict-store.ts';
import { webhookStore } from '../../shared/adapters/webhook-store.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CheckCredentialPorts } from '../../shared/domain/check-credential.ts';
import type { TrafficReader } from '../../shared/domain/traffic.ts';
import { countedOpener, countedSealer } from './counted-vault.ts';
import { isSet, listed, setting } from './environment.ts';
import { currentActor } from './invocation.ts';
import { journal } from './operator-journal.ts';

// The adapters behind the ports, each made from the environment at its first use. A handler's wiring picks what it needs.

// Lets the bundler drop a port that a Lambda does not use, and its SDK client with it. Why here and once more beside the
// SDK clients: esbuild heeds the annotation only within the file that has it.
/* @__NO_SIDE_EFFECTS__ */
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const directoryTable = () => setting(environmentName.directoryTable);
const directoryAndVault = () => ({ directory: directoryTable(), vault: setting(environmentName.vaultTable) });
const dataKeys = () =>
  kmsDataKeys(kms(), setting(environmentName.envelopeKeyArn), listed(environmentName.formerEnvelopeKeyArns));

export const audit = once(() => auditLog(dynamoDb(), setting(environmentName.auditTable), currentActor));
export const accesses = once(() => auditReader(dynamoDb(), setting(environmentName.auditTable)));
export const credentials = once(() => credentialReader(dynamoDb(), directoryTable()));
export const credentialCreator = once(() => credentialCreatorOf(dynamoDb(), directoryAndVault(), audit().put));
export const webhookState = once(() => webhookStateRecorder(dynamoDb(), directoryTable()));
export const firstMessage = once(() => ({
  credentials: credentials(),
  findings: { change: webhookState().recordFinding },
  now: () => new Date(),
}));
export const doubts = once(() => doubtStore(dynamoDb(), directoryTable()));
export const checkSchedule = once(() => checkScheduleStore(dynamoDb(), directoryTable()));
export const history = once(() => verdictHistory(dynamoDb(), directoryTable()));
export const outages = once(() => outageStore(dynamoDb(), directoryTable()));
export const verdicts = once(() => verdictStore(dynamoDb(), directoryTable(), audit().put));
export const traffic = once((): TrafficReader => ({ ofNumbers: activity().numbers }));
export const webhooks = once(() => webhookStore(dynamoDb(), directoryTable()));
export const agents = once(() => agentReader(dynamoDb(), directoryTable()));
export const agentKeys = once(() => agentKeyReader(dynamoDb(), directoryTable()));
export const agentSaver = once(() => agentSaverOf(dynamoDb(), directoryAndVault(), audit().put));
export const sealer = once(() => countedSealer(secretSealer(dataKeys(), setting(environmentName.vaultName))));
export const opener = once(() =>
  countedOpener(
    secretOpener({
      client: dynamoDb(),
      table: setting(environmentName.vaultTable),
      keys: dataKeys(),
      audit: audit(),
      vaultName: setting(environmentName.vaultName),
    }),
  ),
);
export const rewrapper = once(() => {
  const vaultName = setting(environmentName.vaultName);
  const [table, keyArn] = [setting(environmentName.vaultTable), setting(environmentName.envelopeKeyArn)];
  return { walk: vaultWalk(dynamoDb(), table, keyArn), rewrap: dataKeys().rewrap, vaultName };
});
export const graph = once(() =>
  graphApi({
    baseUrl: setting(environmentName.graphApiUrl),
    version: setting(environmentName.graphApiVersion),
    onAnswer: ({ failed }) => journal.count('GraphFailed', failed ? 1 : 0),
  }),
);
export const idempotency = once(() => idempotencyStore(dynamoDb(), directoryTable()));
export const repairs = once(() => repairStore(dynamoDb(), directoryAndVault(), audit().put));
export const editions = once(() => editionStore(dynamoDb(), directoryAndVault(), audit().put));
export const removalStarter = once(() => removalStarterOf(dynamoDb(), directoryAndVault(), audit().put));
export const removals = once(() => removalStore(dynamoDb(), directoryAndVault(), audit().put));
const directoryAndEvents = () => ({ directory: directoryTable(), events: setting(environmentName.eventsTable) });
export const routing = once(() => routingStore(dynamoDb(), directoryTable()));
export const held = once(() => heldReader(dynamoDb(), setting(environmentName.eventsTable)));
export const customers = once(() => customerEraser(dynamoDb(), directoryAndEvents(), relay()));
export const messages = once(() => messageStore(dynamoDb(), setting(environmentName.eventsTable)));
export const relay = once(() => relayStore(s3(), setting(environmentName.relayBucket)));
export const activity = once(() => activityReader(dynamoDb(), setting(environmentName.eventsTable)));
export const activityCounts = once(() => activityStore(dynamoDb(), setting(environmentName.eventsTable)));
export const metaUsage = once(() => metaUsageStore(dynamoDb(), directoryTable()));
export const mediaTransfers = once(() => mediaTransferStore(dynamoDb(), setting(environmentName.eventsTable)));
export const mediaRelay = once(() => mediaBucket(s3(), setting(environmentName.relayBucket)));
export const mediaDoor = once(() => mediaDoorOf(s3(), setting(environmentName.relayBucket)));
export const mediaQueue = once(() => mediaQueueOf(sqs(), setting(environmentName.mediaQueueUrl)));
export const notifications = once(() => notificationReader(dynamoDb(), directoryTable()));
export const notificationChanges = once(() => notificationStore(dynamoDb(), directoryTable(), audit().put));
export const alertOutbox = once(() => alertOutboxOf(dynamoDb(), directoryTable()));
const tenantTopicPrefix = () => setting(environmentName.tenantTopicPrefix);
export const tenantTopicReader = once(() => tenantTopicReaderOf(sns(), tenantTopicPrefix()));
export const tenantTopics = once(() =>
  tenantTopicsOf(sns(), { prefix: tenantTopicPrefix(), keyArn: setting(environmentName.topicKeyArn) }),
);
export const alertPublisher = once(() =>
  snsPublisher(sns(), { operator: setting(environmentName.operatorTopicArn), tenantPrefix: tenantTopicPrefix() }),
);
export const tickets = once(() => ticketStore(dynamoDb(), directoryTable()));
/** Reads the address of a queue when work of its kind is sent: a role that may not send has no address either. */
export const workQueues = once(() =>
  workQueuesOf(sqs(), (kind) => {
    switch (kind) {
      case 'set-up':
        return setting(environmentName.setUpQueueUrl);
      case 'clean-up':
        return setting(environmentName.cleanUpQueueUrl);
      case 'reseal':
      case 'retire-secret':
      case 'retire-agent-secret':
        return setting(environmentName.resealQueueUrl);
      case 'release-held':
        return setting(environmentName.releaseQueueUrl);
      case 'check-credential':
        return setting(environmentName.checkQueueUrl);
      case 'publish-alert':
      case 'tell-operators':
      case 'subscribe':
        return setting(environmentName.alertQueueUrl);
      default:
        return kind satisfies never;
    }
  }),
);
export const targetRules = once(() => ({ allowLoopback: isSet(environmentName.allowLoopbackTargets) }));
/** The platform's own runtime for agents, where the operator has set one. */
export const agentRuntime = once(() => listed(environmentName.agentRuntime)[0]);
const runtimeAt = (address: string) =>
  address.startsWith('arn:') && address.includes(':lambda:')
    ? functionRuntime(runtimeLambda(), address)
    : queueRuntime(runtimeSqs(), address);
export const dispatcher = once(() => {
  const runtime = agentRuntime();
  return dispatcherByTarget(agentDispatcher(targetRules()), runtime === undefined ? undefined : runtimeAt(runtime));
});
/** What every check of a credential needs, whoever has asked for it. */
export const checking = (timeLeft: () => number): CheckCredentialPorts => ({
  credentials: credentials(),
  verdicts: verdicts(),
  doubts: doubts(),
  releases: workQueues(),
  traffic: traffic(),
  opener: opener(),
  graph: graph(),
  usage: metaUsage(),
  journal,
  publicUrl: setting(environmentName.publicUrl),
  now: () => new Date(),
  sleep: (milliseconds) => sleep(milliseconds),
  random: Math.random,
  timeLeft,
});
