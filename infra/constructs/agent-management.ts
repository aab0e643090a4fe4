import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';

export interface AgentManagementProps extends CapabilityProps {
  readonly webhookSetUp: WebhookSetUp;
}

/** Agents and the phone numbers they answer on. */
export class AgentManagement extends Construct {
  constructor(scope: Construct, id: string, props: AgentManagementProps) {
    super(scope, id);
    const { settings, dataKey, api, agentRuntime, vault, directory, auditLog, webhookSetUp } = props;

    const manage = new HandlerFunction(this, 'ManageAgents', {
      settings,
      dataKey,
      description: 'Creates and changes agents and binds their phone numbers',
    });
    manage.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    agentRuntime.tell(manage);
    api.serveTenants(manage, 'PUT /v1/agents/{agentId}');
    vault.grantSeal(manage, 'agent-signature');
    directory.grantRead(manage, 'GetItem', 'Query');
    directory.grantWrite(manage, 'PutItem', 'UpdateItem', 'DeleteItem');
    auditLog.grantRecord(manage);
    webhookSetUp.grantRequest(manage);

    const describe = new HandlerFunction(this, 'DescribeAgents', {
      settings,
      dataKey,
      description: 'Lists and describes agents',
    });
    api.serveTenants(describe, 'GET /v1/agents', 'GET /v1/agents/{agentId}');
    directory.grantRead(describe, 'GetItem', 'BatchGetItem', 'Query');
  }
}
