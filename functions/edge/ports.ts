import { agentReader, agentSaver } from '../../shared/adapters/agent-store.ts';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { dynamoDb, kms, sqs } from '../../shared/adapters/aws-clients.ts';
import { credentialCreator, credentialReader, webhookStateRecorder } from '../../shared/adapters/credential-store.ts';
import { graphApi } from '../../shared/adapters/graph-api.ts';
import { kmsDataKeys } from '../../shared/adapters/kms-data-keys.ts';
import { setUpQueue } from '../../shared/adapters/sqs-queues.ts';
import { secretOpener, secretSealer } from '../../shared/adapters/vault.ts';
import { webhookStore } from '../../shared/adapters/webhook-store.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { isSet, setting } from './environment.ts';

/** The adapters behind the ports, each made from the environment at its first use. A handler's wiring picks what it needs. */
export const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};

const directoryTable = () => setting(environmentName.directoryTable);
const directoryAndVault = () => ({ directory: directoryTable(), vault: setting(environmentName.vaultTable) });
const dataKeys = () => kmsDataKeys(kms(), setting(environmentName.envelopeKeyArn));

export const ports = {
  credentials: once(() => credentialReader(dynamoDb(), directoryTable())),
  credentialCreator: once(() => credentialCreator(dynamoDb(), directoryAndVault())),
  webhookState: once(() => webhookStateRecorder(dynamoDb(), directoryTable())),
  webhooks: once(() => webhookStore(dynamoDb(), directoryTable())),
  agents: once(() => agentReader(dynamoDb(), directoryTable())),
  agentSaver: once(() => agentSaver(dynamoDb(), directoryAndVault())),
  sealer: once(() => secretSealer(dataKeys(), setting(environmentName.vaultName))),
  opener: once(() =>
    secretOpener({
      client: dynamoDb(),
      table: setting(environmentName.vaultTable),
      keys: dataKeys(),
      audit: auditLog(dynamoDb(), setting(environmentName.auditTable), {
        functionName: process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'unknown',
      }),
      vaultName: setting(environmentName.vaultName),
    }),
  ),
  graph: once(() =>
    graphApi({ baseUrl: setting(environmentName.graphApiUrl), version: setting(environmentName.graphApiVersion) }),
  ),
  setUpQueue: once(() => setUpQueue(sqs(), setting(environmentName.setUpQueueUrl))),
  targetRules: once(() => ({ allowLoopback: isSet(environmentName.allowLoopbackTargets) })),
} as const;
