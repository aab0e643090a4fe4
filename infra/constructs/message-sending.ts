import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HealthWatch } from './health-watch.ts';

export interface MessageSendingProps extends CapabilityProps {
  /** Who checks a credential that Meta refuses. */
  readonly healthWatch: HealthWatch;
}

/** Messages that agents, or users for them, send through the API. */
export class MessageSending extends Construct {
  constructor(scope: Construct, id: string, props: MessageSendingProps) {
    super(scope, id);
    const { settings, dataKey, api, graphApi, vault, directory, eventStore, auditLog } = props;
    const send = new HandlerFunction(this, 'SendMessages', {
      settings,
      dataKey,
      description: 'Sends messages from the numbers of agents, and says what became of them',
      // API Gateway gives up after 30 s.
      timeout: Duration.seconds(29),
    });
    api.serveAgents(send, 'POST /v1/agents/{agentId}/messages', 'GET /v1/agents/{agentId}/messages/{messageId}');
    graphApi.grantCall(send);
    vault.grantOpen(send, 'graph-api');
    directory.grantRead(send, 'GetItem', 'BatchGetItem');
    directory.grantRepeat(send);
    directory.grantDoubt(send);
    eventStore.grantSend(send);
    props.healthWatch.grantRequest(send);
    auditLog.grantRecord(send);
  }
}
