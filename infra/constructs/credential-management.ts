import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';

export interface CredentialManagementProps extends CapabilityProps {
  readonly webhookSetUp: WebhookSetUp;
}

/** Users' own credentials: validated at Meta, sealed purpose by purpose, stored; described without ever being opened. */
export class CredentialManagement extends Construct {
  constructor(scope: Construct, id: string, props: CredentialManagementProps) {
    super(scope, id);
    const { settings, dataKey, api, graphApi, vault, directory, auditLog, webhookSetUp } = props;

    const manage = new HandlerFunction(this, 'ManageCredentials', {
      settings,
      dataKey,
      description: 'Validates, seals and stores credentials',
      // Validation and set-up wait for Meta; API Gateway gives up after 30 s.
      timeout: Duration.seconds(29),
    });
    api.serveTenants(manage, 'POST /v1/credentials');
    graphApi.grantCall(manage);
    vault.grantSeal(manage, 'graph-api', 'webhook-signature', 'app-access', 'clean-up');
    vault.grantOpen(manage, 'app-access');
    directory.grantRead(manage, 'GetItem');
    directory.grantWrite(manage, 'PutItem', 'UpdateItem');
    auditLog.grantRecord(manage);
    webhookSetUp.grantRequest(manage);

    const describe = new HandlerFunction(this, 'DescribeCredentials', {
      settings,
      dataKey,
      description: 'Lists and describes credentials and accesses to them; cannot open any',
    });
    api.serveTenants(describe, 'GET /v1/credentials', 'GET /v1/credentials/{credentialId}');
    api.serveTenants(describe, 'GET /v1/credentials/{credentialId}/audit');
    directory.grantRead(describe, 'GetItem', 'BatchGetItem', 'Query');
    auditLog.grantList(describe);
  }
}
