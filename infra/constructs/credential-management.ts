import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { AgentRouter } from './agent-router.ts';
import type { AlertDelivery } from './alert-delivery.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';
import { WorkQueue } from './work-queue.ts';

export interface CredentialManagementProps extends CapabilityProps {
  readonly webhookSetUp: WebhookSetUp;
  readonly router: AgentRouter;
  readonly alertDelivery: AlertDelivery;
}

/**
 * The life of users' own credentials: validated at Meta, sealed purpose by purpose, described without ever being opened, sealed anew
 * when the App Secret changes, and taken out of Meta before their last secret is shredded.
 */
export class CredentialManagement extends Construct {
  readonly removals: WorkQueue;
  readonly rotations: WorkQueue;

  constructor(scope: Construct, id: string, props: CredentialManagementProps) {
    super(scope, id);
    const house = { settings: props.settings, dataKey: props.dataKey, alerts: props.alerts };
    this.removals = new WorkQueue(this, 'Removals', {
      ...house,
      variable: environmentName.cleanUpQueueUrl,
      ordered: false,
    });
    this.rotations = new WorkQueue(this, 'Rotations', {
      ...house,
      variable: environmentName.resealQueueUrl,
      ordered: false,
    });
    this.#manage(props);
    this.#describe(props);
    this.#cleanUp(props);
    this.#reseal(props);
  }

  /** Lets the grantee have a removed credential cleaned up, or the credentials of an app sealed anew. */
  grantRequest(grantee: HandlerFunction): void {
    this.removals.grantSend(grantee);
    this.rotations.grantSend(grantee);
  }

  #manage(props: CredentialManagementProps): void {
    const { settings, dataKey, api, graphApi, vault, directory, eventStore, auditLog, webhookSetUp, router } = props;
    const manage = new HandlerFunction(this, 'ManageCredentials', {
      settings,
      dataKey,
      description: 'Validates, seals, changes and removes credentials, and looks after their webhooks',
      // Validation and set-up wait for Meta; API Gateway gives up after 30 s.
      timeout: Duration.seconds(29),
    });
    manage.setVariable(environmentName.tenantQuota, String(settings.quotas.credentialsPerTenant));
    api.serveWaitingTenants(
      manage,
      'POST /v1/credentials',
      'POST /v1/credentials/validate',
      'PATCH /v1/credentials/{credentialId}',
      'DELETE /v1/credentials/{credentialId}',
      'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register',
      'POST /v1/credentials/{credentialId}/check',
      'POST /v1/credentials/{credentialId}/webhook/repair',
      'POST /v1/credentials/{credentialId}/webhook/manual-setup',
      'GET /v1/credentials/{credentialId}/webhook',
      'GET /v1/credentials/{credentialId}/templates',
    );
    graphApi.grantCall(manage);
    vault.grantSeal(manage, 'graph-api', 'webhook-signature', 'app-access', 'clean-up', 'former-callback');
    vault.grantOpen(manage, 'app-access', 'graph-api');
    vault.grantShred(manage);
    directory.grantRead(manage, 'GetItem');
    directory.grantWrite(manage, 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem');
    auditLog.grantRecord(manage);
    webhookSetUp.grantRequest(manage);
    eventStore.grantReadTimes(manage);
    router.grantRelease(manage);
    // Whoever connects the first credential is told of it.
    props.alertDelivery.grantRequest(manage);
    this.grantRequest(manage);
  }

  #describe({ settings, dataKey, api, directory, auditLog }: CredentialManagementProps): void {
    const describe = new HandlerFunction(this, 'DescribeCredentials', {
      settings,
      dataKey,
      description: 'Lists and describes credentials and accesses to them; cannot open any',
    });
    api.serveTenants(
      describe,
      'GET /v1/credentials',
      'GET /v1/credentials/{credentialId}',
      'GET /v1/credentials/{credentialId}/phone-numbers',
      'GET /v1/credentials/{credentialId}/audit',
      'GET /v1/credentials/{credentialId}/health',
    );
    directory.grantRead(describe, 'GetItem', 'BatchGetItem', 'Query');
    auditLog.grantList(describe);
  }

  #cleanUp(props: CredentialManagementProps): void {
    const { settings, dataKey, graphApi, vault, directory, auditLog, webhookSetUp } = props;
    const cleanUp = new HandlerFunction(this, 'CleanUpCredential', {
      settings,
      dataKey,
      description: 'Takes removed credentials out of Meta and shreds their last secrets',
      timeout: Duration.seconds(30),
    });
    this.removals.deliverTo(cleanUp, { batchSize: 1 });
    this.removals.grantSend(cleanUp);
    graphApi.grantCall(cleanUp);
    vault.grantOpen(cleanUp, 'clean-up', 'former-callback');
    vault.grantShred(cleanUp);
    directory.grantRead(cleanUp, 'GetItem', 'BatchGetItem', 'Query');
    directory.grantWrite(cleanUp, 'PutItem', 'UpdateItem', 'DeleteItem');
    auditLog.grantRecord(cleanUp);
    webhookSetUp.grantRequest(cleanUp);
  }

  #reseal({ settings, dataKey, vault, directory, auditLog, router }: CredentialManagementProps): void {
    const reseal = new HandlerFunction(this, 'ResealCredentials', {
      settings,
      dataKey,
      description: 'Seals the credentials of an app anew after its App Secret changed, and shreds the former one',
      timeout: Duration.seconds(30),
    });
    this.rotations.deliverTo(reseal, { batchSize: 1 });
    this.rotations.grantSend(reseal);
    vault.grantSeal(reseal, 'graph-api', 'clean-up');
    vault.grantOpen(reseal, 'app-access', 'graph-api');
    vault.grantShred(reseal);
    directory.grantRead(reseal, 'GetItem', 'BatchGetItem', 'Query');
    directory.grantWrite(reseal, 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem');
    auditLog.grantRecord(reseal);
    // What the former App Secret had stopped goes on.
    router.grantRelease(reseal);
  }
}
