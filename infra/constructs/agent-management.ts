import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { AgentRouter } from './agent-router.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { WebhookSetUp } from './webhook-set-up.ts';

export interface AgentManagementProps extends CapabilityProps {
  readonly webhookSetUp: WebhookSetUp;
  readonly router: AgentRouter;
}

/** A dispatch may take 10 s; the rest is for opening the secrets and for an answer. API Gateway gives up after 30 s. */
const testTimeout = Duration.seconds(25);

/** Agents and the phone numbers they answer on. */
export class AgentManagement extends Construct {
  constructor(scope: Construct, id: string, props: AgentManagementProps) {
    super(scope, id);
    const { settings, dataKey, api, agentRuntime, vault, directory, auditLog, webhookSetUp, router } = props;

    const manage = new HandlerFunction(this, 'ManageAgents', {
      settings,
      dataKey,
      description: 'Creates, changes, pauses and removes agents and binds their phone numbers; cannot open a secret',
    });
    manage.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    agentRuntime.tell(manage);
    api.serveTenants(
      manage,
      'PUT /v1/agents/{agentId}',
      'DELETE /v1/agents/{agentId}',
      'POST /v1/agents/{agentId}/pause',
      'POST /v1/agents/{agentId}/resume',
      'POST /v1/agents/{agentId}/signing-secret',
      'POST /v1/agents/{agentId}/keys',
      'DELETE /v1/agents/{agentId}/keys/{keyId}',
    );
    vault.grantSeal(manage, 'agent-signature');
    vault.grantShred(manage);
    directory.grantRead(manage, 'GetItem', 'Query');
    directory.grantWrite(manage, 'PutItem', 'UpdateItem', 'DeleteItem');
    auditLog.grantRecord(manage);
    webhookSetUp.grantRequest(manage);
    router.grantRelease(manage);

    // Apart from the one that manages agents, so that whoever may change everything about an agent can't open its secrets.
    const test = new HandlerFunction(this, 'TestAgent', {
      settings,
      dataKey,
      description: 'Sends a signed sample event to an agent and says what came back',
      timeout: testTimeout,
    });
    test.setVariable(environmentName.allowLoopbackTargets, String(settings.allowLoopbackTargets));
    api.serveWaitingTenants(test, 'POST /v1/agents/{agentId}/test');
    agentRuntime.grantDispatch(test);
    vault.grantOpen(test, 'agent-signature');
    directory.grantRead(test, 'GetItem');
    auditLog.grantRecord(test);

    const describe = new HandlerFunction(this, 'DescribeAgents', {
      settings,
      dataKey,
      description: 'Lists and describes agents, and says which of them would get a message',
    });
    api.serveTenants(
      describe,
      'GET /v1/agents',
      'GET /v1/agents/{agentId}',
      'GET /v1/agents/{agentId}/keys',
      'POST /v1/routing/preview',
    );
    directory.grantRead(describe, 'GetItem', 'BatchGetItem', 'Query');
    props.eventStore.grantReadTimes(describe);
  }
}
