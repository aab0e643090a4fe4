import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { MediaRelay } from './media-relay.ts';
import { WorkQueue } from './work-queue.ts';

export interface MediaExchangeProps extends CapabilityProps {
  readonly relay: MediaRelay;
}

/** The largest document at 350 KB a second. */
const moveTimeout = Duration.minutes(5);

/** Media that agents get from customers and send to them: API Gateway and Lambda carry a few MB, WhatsApp 100. */
export class MediaExchange extends Construct {
  constructor(scope: Construct, id: string, props: MediaExchangeProps) {
    super(scope, id);
    const { settings, dataKey, api, graphApi, vault, directory, eventStore, relay, auditLog, alerts } = props;
    const transfers = new WorkQueue(this, 'Transfers', {
      settings,
      dataKey,
      alerts,
      variable: environmentName.mediaQueueUrl,
      visibility: moveTimeout.plus(Duration.minutes(1)),
      ordered: false,
    });

    const serve = new HandlerFunction(this, 'ServeMedia', {
      settings,
      dataKey,
      description: 'Lets agents have media and bring media, by URLs that are good for minutes',
      // API Gateway gives up after 30 s.
      timeout: Duration.seconds(29),
    });
    api.serveWaitingAgents(
      serve,
      'GET /v1/agents/{agentId}/media/{mediaId}',
      'POST /v1/agents/{agentId}/media',
      'POST /v1/agents/{agentId}/media/{uploadId}/complete',
    );
    transfers.grantSend(serve);
    relay.grantSign(serve);
    eventStore.grantTransfer(serve, 'PutItem', 'UpdateItem');
    directory.grantRead(serve, 'GetItem', 'BatchGetItem');
    directory.grantRepeat(serve);
    // Small files go to Meta at once.
    graphApi.grantCall(serve);
    vault.grantOpen(serve, 'graph-api');
    auditLog.grantRecord(serve);

    const move = new HandlerFunction(this, 'MoveMedia', {
      settings,
      dataKey,
      description: 'Moves media between Meta and the relay bucket',
      timeout: moveTimeout,
      // A document of 90 MB takes 200 MB of it in a quiet hour and was seen to take 280 in a busy one, when what has gone is collected late.
      memorySize: 512,
    });
    transfers.deliverTo(move, { batchSize: 1 });
    relay.grantMove(move);
    eventStore.grantTransfer(move, 'UpdateItem');
    directory.grantRead(move, 'GetItem', 'BatchGetItem');
    graphApi.grantCall(move);
    vault.grantOpen(move, 'graph-api');
    auditLog.grantRecord(move);
  }
}
