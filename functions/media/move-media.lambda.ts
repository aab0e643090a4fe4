import type { Context, SQSRecord } from 'aws-lambda';
import { sqs } from '../../shared/adapters/aws-clients.ts';
import { queueConsumer } from '../../shared/adapters/sqs-queues.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { transferMessage } from '../../shared/contracts/media.ts';
import type { MediaTransfer, TransferEnd } from '../../shared/domain/media-transfer.ts';
import { moveMedia, tidyAfter } from '../../shared/domain/move-media.ts';
import { refuse } from '../../shared/domain/outcome.ts';
import { setting } from '../edge/environment.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { queueLambda } from '../edge/queue-lambda.ts';

/** Kept back of an invocation's time for writing down what came of it. In milliseconds. */
const closingReserve = 5_000;

/** Media over which so many workers have died are given up: whoever wants them asks again. */
const mostReceives = 3;

const serve = async (record: SQSRecord, context: Context): Promise<boolean> => {
  const { transferId, attempt } = transferMessage.parse(JSON.parse(record.body));
  const transfers = ports.mediaTransfers();
  const transfer = await transfers.start(transferId, attempt, new Date());
  if (transfer === undefined) return true;
  const isGivenUp = Number(record.attributes.ApproximateReceiveCount) > mostReceives;
  const end: TransferEnd = isGivenUp
    ? { state: 'failed', refusal: refuse('service-unavailable', { retryAfterSeconds: 60 }) }
    : await moveMedia(transfer, {
        routing: ports.routing(),
        relay: ports.mediaRelay(),
        vault: ports.opener(),
        graph: ports.graph(),
        timeLeft: () => context.getRemainingTimeInMillis() - closingReserve,
      });
  if (await transfers.finish(transferId, attempt, end, new Date())) await tidyAfter(transfer, end, ports.mediaRelay());
  tell(transfer, end);
  return true;
};

const tell = ({ tenantId, agentId, transferId, direction }: MediaTransfer, end: TransferEnd): void => {
  // Node counts in KB.
  const peakMegabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  const trace = { tenantId, agentId, transferId, kind: direction, peakMegabytes };
  if (end.state === 'failed') {
    journal.warn('media-refused', { ...trace, code: end.refusal.refused });
    journal.count('MediaRefused');
  } else {
    journal.info('media-transferred', { ...trace, ...('object' in end ? { bytes: end.object.bytes } : {}) });
    journal.count('MediaTransferred');
  }
};

/** What an outage of ours has stopped is tried again long before the queue would show it by itself. In seconds. */
const returnPause = 5;

/** Moves media between Meta and the relay bucket, one at a time. */
export const handler = queueLambda(serve, (records) =>
  queueConsumer(sqs(), setting(environmentName.mediaQueueUrl)).returnIn(
    returnPause,
    records.map(({ receiptHandle }) => receiptHandle),
  ),
);
