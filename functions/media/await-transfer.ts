import { setTimeout as sleep } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { TenantId } from '../../shared/contracts/ids.ts';
import type { TransferMessage } from '../../shared/contracts/media.ts';
import {
  isToBegin,
  isUnderWay,
  type MediaTransfer,
  type MediaTransferStore,
} from '../../shared/domain/media-transfer.ts';
import type { Answer } from '../edge/answer.ts';
import * as ports from '../edge/ports.ts';

export interface AwaitTransferPorts {
  readonly transfers: Pick<MediaTransferStore, 'find' | 'begin' | 'finish'>;
  readonly queue: { send(tenant: TenantId, message: TransferMessage): Promise<void> };
  readonly now: () => Date;
  /** Milliseconds that the caller still waits. */
  readonly timeLeft: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** The request waits so long at the most; API Gateway gives up after 30 s. In milliseconds. */
const longestWait = 20_000;

/** Kept back for the answer. In milliseconds. */
const closingReserve = 3_000;

/** Pauses between two looks: most media are there after a fraction of a second. In milliseconds. */
const firstPause = 100;
const longestPause = 1_000;

/** Who asks again of what is still under way does so then. */
export const comeBackTo = (location: string): Answer => ({
  kind: 'accepted',
  body: { status: 'transferring' },
  location,
  retryAfterSeconds: 5,
});

/** Has the media moved, unless they are or somebody is at it, and waits for it. Still under way when there was not enough time. */
export const awaitTransfer = async (found: MediaTransfer, waiting: AwaitTransferPorts): Promise<MediaTransfer> => {
  const { transferId } = found;
  const until = Math.min(longestWait, waiting.timeLeft() - closingReserve) + waiting.now().getTime();
  let transfer = isToBegin(found, waiting.now()) ? await begin(found, waiting) : found;
  for (let pause = firstPause; isUnderWay(transfer) && waiting.now().getTime() + pause < until; ) {
    await waiting.sleep(pause);
    pause = Math.min(longestPause, pause * 1.5);
    transfer = (await waiting.transfers.find(transferId)) ?? transfer;
  }
  return transfer;
};

const begin = async (found: MediaTransfer, { transfers, queue, now }: AwaitTransferPorts): Promise<MediaTransfer> => {
  const attempt = ulid();
  const begun = await transfers.begin(found, attempt, now());
  // Somebody else was quicker.
  if (begun === undefined) return (await transfers.find(found.transferId)) ?? found;
  try {
    await queue.send(begun.tenantId, { version: 1, transferId: begun.transferId, attempt });
    return begun;
  } catch (error) {
    await transfers.finish(begun.transferId, attempt, { state: 'new' }, now()).catch(() => undefined);
    throw error;
  }
};

/** What whoever waits for a transfer needs of AWS. */
export const transferPorts = (timeLeft: () => number) => ({
  agents: ports.agents(),
  routing: ports.routing(),
  transfers: ports.mediaTransfers(),
  queue: ports.mediaQueue(),
  door: ports.mediaDoor(),
  now: () => new Date(),
  timeLeft,
  sleep,
});
