import { CfnOutput } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { AgentRouter } from './agent-router.ts';
import type { AlertDelivery } from './alert-delivery.ts';
import type { Alerts } from './alerts.ts';
import type { AuditLog } from './audit-log.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { CredentialManagement } from './credential-management.ts';
import type { CredentialVault } from './credential-vault.ts';
import type { Directory } from './directory.ts';
import type { EventStore } from './event-store.ts';
import type { HealthWatch } from './health-watch.ts';
import type { Identity } from './identity.ts';
import type { OperatorDashboard } from './operator-dashboard.ts';
import type { PublicApi } from './public-api.ts';
import type { VaultRewrap } from './vault-rewrap.ts';
import type { WebhookInbox } from './webhook-inbox.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';
import type { WorkSweeper } from './work-sweeper.ts';

export interface StackOutputsProps {
  readonly api: PublicApi;
  readonly identity: Identity;
  readonly vault: CredentialVault;
  readonly rewrap: VaultRewrap;
  readonly directory: Directory;
  readonly eventStore: EventStore;
  readonly auditLog: AuditLog;
  readonly inbox: WebhookInbox;
  readonly router: AgentRouter;
  readonly webhookSetUp: WebhookSetUp;
  readonly healthWatch: HealthWatch;
  readonly credentialManagement: CredentialManagement;
  readonly sweeper: WorkSweeper;
  readonly alertDelivery: AlertDelivery;
  readonly alerts: Alerts;
  readonly dashboard: OperatorDashboard;
  readonly trail: AuditTrail | undefined;
}

/** What a deployment tells the operator, and the programs that work with it. Names of things, never a secret. */
export class StackOutputs extends Construct {
  constructor(scope: Construct, id: string, props: StackOutputsProps) {
    super(scope, id);
    const { api, identity, vault, rewrap, directory, eventStore, auditLog, inbox, router, sweeper, alerts, trail } =
      props;
    const { webhookSetUp, healthWatch, credentialManagement, dashboard, alertDelivery } = props;
    this.#tell('ApiUrl', 'Origin of the API', api.origin);
    this.#tell('ApiId', 'Id of the API', api.apiId);
    this.#tell('WebhooksUrl', 'Where the webhooks of all credentials begin', `${api.webhooksOrigin}/webhooks`);
    this.#tell('PublicDomainTarget', 'Point the DNS record of the public domain here', api.domainTarget);
    this.#tell('Issuer', 'Issuer whose access tokens are accepted', identity.issuer);
    this.#tell('UserPoolId', 'User pool made for this stack', identity.userPool?.userPoolId);
    this.#tell('UserPoolClientId', 'Client of the console in that pool', api.consoleClient?.userPoolClientId);
    this.#tell('OperatorGroup', 'Group of the operators in that pool', identity.operatorGroup);
    this.#tell('VaultTable', 'Table of the sealed secrets', vault.table.tableName);
    this.#tell('RewrapVaultFunction', 'Function behind npm run rewrap', rewrap.rewrapVault.function.functionName);
    this.#tell('DirectoryTable', 'Table of credentials, webhooks, numbers and agents', directory.table.tableName);
    this.#tell('EventsTable', 'Table of claims on events', eventStore.table.tableName);
    this.#tell('AuditTable', 'Table of accesses', auditLog.table.tableName);
    this.#tell('EventsQueueUrl', 'Queue of verified events', inbox.events.queue.queueUrl);
    this.#tell('EventsDeadLetterQueueUrl', 'Events that failed for good', inbox.events.deadLetterQueue.queueUrl);
    this.#tell('SetUpQueueUrl', 'Queue of webhooks to set up', webhookSetUp.requests.queue.queueUrl);
    this.#tell('CleanUpQueueUrl', 'Queue of removals', credentialManagement.removals.queue.queueUrl);
    this.#tell('ResealQueueUrl', 'Queue of rotations', credentialManagement.rotations.queue.queueUrl);
    this.#tell('ReleaseQueueUrl', 'Queue of held events to release', router.releases.queue.queueUrl);
    this.#tell('CheckQueueUrl', 'Queue of credentials to check', healthWatch.checks.queue.queueUrl);
    this.#tell('PlanChecksFunction', 'Function that queues due checks', healthWatch.planChecks.function.functionName);
    this.#tell('AlertQueueUrl', 'Queue of alerts to send', alertDelivery.requests.queue.queueUrl);
    this.#tell('RouteEventFunction', 'Function that dispatches events', router.routeEvent.function.functionName);
    this.#tell('SweepWorkFunction', 'Function that looks after unfinished work', sweeper.sweep.function.functionName);
    this.#tell('OperatorTopicArn', 'Topic of the alerts for operators', alerts.operatorTopic.topicArn);
    this.#tell('DashboardName', 'Dashboard of CloudWatch for operators', dashboard.dashboardName);
    this.#tell('AuditTrailBucket', 'Where CloudTrail writes the management events', trail?.bucketName);
    this.#tell('AuditWorkGroup', 'Work group of Athena for questions to the audit trail', trail?.queries.workGroup);
    this.#tell('AuditDatabase', 'Database of the audit trail, with the table `events`', trail?.queries.database);
  }

  #tell(name: string, description: string, value: string | undefined): void {
    if (value === undefined) return;
    new CfnOutput(this, name, { description, value }).overrideLogicalId(name);
  }
}
