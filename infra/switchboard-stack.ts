import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AgentManagement } from './constructs/agent-management.ts';
import { AgentRouter } from './constructs/agent-router.ts';
import { Alerts } from './constructs/alerts.ts';
import { AuditLog } from './constructs/audit-log.ts';
import { AuditTrail } from './constructs/audit-trail.ts';
import { AuditWatch } from './constructs/audit-watch.ts';
import { CredentialManagement } from './constructs/credential-management.ts';
import { CredentialVault } from './constructs/credential-vault.ts';
import { DataKey } from './constructs/data-key.ts';
import { Directory } from './constructs/directory.ts';
import { EventStore } from './constructs/event-store.ts';
import { GraphApi } from './constructs/graph-api.ts';
import { Identity } from './constructs/identity.ts';
import { MediaRelay } from './constructs/media-relay.ts';
import { PlatformPages } from './constructs/platform-pages.ts';
import { PublicApi } from './constructs/public-api.ts';
import { StackOutputs } from './constructs/stack-outputs.ts';
import { VaultRewrap } from './constructs/vault-rewrap.ts';
import { WebhookInbox } from './constructs/webhook-inbox.ts';
import { WebhookSetUp } from './constructs/webhook-set-up.ts';
import { WorkSweeper } from './constructs/work-sweeper.ts';
import type { StageSettings } from './stage.ts';

export interface SwitchboardStackProps extends StackProps {
  readonly settings: StageSettings;
}

/**
 * API Gateway sends requests to Lambda handlers that store KMS-envelope-encrypted credentials in DynamoDB, push inbound webhooks
 * onto SQS so that router Lambdas dispatch them to agents, and EventBridge starts the sweeper of unfinished work, while CloudTrail
 * provides the access audit and SNS tells operators when it was changed.
 */
export class SwitchboardStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...stackProps }: SwitchboardStackProps) {
    super(scope, id, stackProps);
    const house = { settings, dataKey: new DataKey(this, 'DataKey', { settings }) };

    const identity = new Identity(this, 'Identity', house);
    const api = new PublicApi(this, 'PublicApi', { ...house, identity });
    new PlatformPages(this, 'PlatformPages', { ...house, api });

    const vault = new CredentialVault(this, 'CredentialVault', house);
    const rewrap = new VaultRewrap(this, 'VaultRewrap', { ...house, vault });
    const directory = new Directory(this, 'Directory', house);
    const auditLog = new AuditLog(this, 'AuditLog', house);
    const capability = { ...house, api, graphApi: new GraphApi(settings), vault, directory, auditLog };
    const webhookSetUp = new WebhookSetUp(this, 'WebhookSetUp', capability);
    const credentialManagement = new CredentialManagement(this, 'CredentialManagement', {
      ...capability,
      webhookSetUp,
    });
    const sweeper = new WorkSweeper(this, 'WorkSweeper', { ...capability, webhookSetUp, credentialManagement });
    new AgentManagement(this, 'AgentManagement', { ...capability, webhookSetUp });

    const relay = new MediaRelay(this, 'MediaRelay', house);
    const inbox = new WebhookInbox(this, 'WebhookInbox', { ...capability, relay });
    const eventStore = new EventStore(this, 'EventStore', house);
    const router = new AgentRouter(this, 'AgentRouter', { ...capability, inbox, relay, eventStore });

    const alerts = new Alerts(this, 'Alerts', house);
    new AuditWatch(this, 'AuditWatch', { ...house, auditLog, alerts });
    const trail = settings.trail.mode === 'none' ? undefined : new AuditTrail(this, 'AuditTrail', { ...house, vault });
    if (trail !== undefined) api.openAfter(trail);

    const told = {
      api,
      identity,
      vault,
      rewrap,
      directory,
      eventStore,
      auditLog,
      inbox,
      router,
      sweeper,
      alerts,
      trail,
    };
    new StackOutputs(this, 'Outputs', told);
  }
}
