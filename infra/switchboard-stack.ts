import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Activity } from './constructs/activity.ts';
import { AgentManagement } from './constructs/agent-management.ts';
import { AgentRouter } from './constructs/agent-router.ts';
import { AgentRuntime } from './constructs/agent-runtime.ts';
import { AlertDelivery } from './constructs/alert-delivery.ts';
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
import { HealthWatch } from './constructs/health-watch.ts';
import { HeldManagement } from './constructs/held-management.ts';
import { Identity } from './constructs/identity.ts';
import { MediaExchange } from './constructs/media-exchange.ts';
import { MediaRelay } from './constructs/media-relay.ts';
import { MessageSending } from './constructs/message-sending.ts';
import { OperatorDashboard } from './constructs/operator-dashboard.ts';
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
 * onto SQS so that router Lambdas dispatch them to agents, and EventBridge schedules run health checks that raise SNS alerts, to users
 * and operators, and the sweeper of unfinished work, while CloudTrail provides the access audit. The alerts come from what checks, and everybody
 * else, change in the Directory: `AlertDelivery` hears of it by the table's stream.
 */
export class SwitchboardStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...stackProps }: SwitchboardStackProps) {
    super(scope, id, stackProps);
    const house = { settings, dataKey: new DataKey(this, 'DataKey', { settings }) };

    // Who is told, who is let in, and the one door.
    const alerts = new Alerts(this, 'Alerts', house);
    const identity = new Identity(this, 'Identity', house);
    const api = new PublicApi(this, 'PublicApi', { ...house, identity, alerts });
    new PlatformPages(this, 'PlatformPages', { ...house, api });

    // What is kept: tables, and the keys that seal secrets. What is called outside.
    const vault = new CredentialVault(this, 'CredentialVault', { ...house, alerts });
    const rewrap = new VaultRewrap(this, 'VaultRewrap', { ...house, vault });
    const directory = new Directory(this, 'Directory', house);
    const auditLog = new AuditLog(this, 'AuditLog', house);
    const eventStore = new EventStore(this, 'EventStore', house);
    const outside = { graphApi: new GraphApi(settings, alerts), agentRuntime: new AgentRuntime(settings) };
    const capability = { ...house, ...outside, api, vault, directory, auditLog, eventStore, alerts };

    // Work at Meta, each with queues and a worker: what a change leaves behind, and checks; and who hears what came of them.
    const webhookSetUp = new WebhookSetUp(this, 'WebhookSetUp', capability);
    const healthWatch = new HealthWatch(this, 'HealthWatch', capability);
    const alertDelivery = new AlertDelivery(this, 'AlertDelivery', { ...capability, healthWatch });

    // From Meta to the agents: bucket for what is large, held or media, receiver and queue, claims and lines, router.
    const relay = new MediaRelay(this, 'MediaRelay', house);
    const inbox = new WebhookInbox(this, 'WebhookInbox', { ...capability, healthWatch, relay });
    const router = new AgentRouter(this, 'AgentRouter', { ...capability, healthWatch, inbox, relay });

    // What users and agents call (media by a queue and worker of their own), what is counted of it, and who finishes what was interrupted.
    const managed = { ...capability, webhookSetUp, healthWatch, alertDelivery, router };
    const credentialManagement = new CredentialManagement(this, 'CredentialManagement', managed);
    new AgentManagement(this, 'AgentManagement', managed);
    new MessageSending(this, 'MessageSending', managed);
    new MediaExchange(this, 'MediaExchange', { ...managed, relay });
    new Activity(this, 'Activity', managed);
    new HeldManagement(this, 'HeldManagement', { ...managed, relay });
    const sweeper = new WorkSweeper(this, 'WorkSweeper', { ...managed, credentialManagement });

    // Who opened a secret, and that nobody rewrites it: no request is let in before that is recorded.
    new AuditWatch(this, 'AuditWatch', { ...house, auditLog, alerts });
    const trail = settings.trail.mode === 'none' ? undefined : new AuditTrail(this, 'AuditTrail', { ...house, vault });
    if (trail !== undefined) api.openAfter(trail);

    // What operators see of all this, and what they and their programs are told.
    const dashboard = new OperatorDashboard(this, 'OperatorDashboard', { api, inbox, router, healthWatch, alerts });
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
      webhookSetUp,
      healthWatch,
      credentialManagement,
      sweeper,
      alertDelivery,
      alerts,
      dashboard,
      trail,
    };
    new StackOutputs(this, 'Outputs', told);
  }
}
