import * as z from 'zod';
import { type AgentId, agentId, type TransferId, uploadId } from '../../shared/contracts/ids.ts';
import type { MediaDoor } from '../../shared/domain/media-relay.ts';
import { isToBegin } from '../../shared/domain/media-transfer.ts';
import { uploadMissing } from '../../shared/domain/move-media.ts';
import { type NumberOfAgentPorts, numberOfAgent } from '../../shared/domain/number-of-agent.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { type AwaitTransferPorts, awaitTransfer, comeBackTo, transferPorts } from './await-transfer.ts';

export interface CompleteUploadPorts extends NumberOfAgentPorts, AwaitTransferPorts {
  readonly door: Pick<MediaDoor, 'describe'>;
}

/** Has what was uploaded taken to Meta, once, and says under which id Meta has it. Again and again the same. */
export const completeUpload = async (
  { tenantId }: Caller,
  path: { readonly agentId: AgentId; readonly uploadId: TransferId },
  ports: CompleteUploadPorts,
): Promise<Answer | Refused> => {
  const number = await numberOfAgent(tenantId, path.agentId, ports);
  if (isRefused(number)) return number;
  const found = await ports.transfers.find(path.uploadId);
  const isOwn = found?.tenantId === tenantId && found.agentId === path.agentId;
  if (found?.direction !== 'outbound' || !isOwn || found.phoneNumberId !== number.phoneNumberId)
    return refuse('not-found');
  const isWanting = isToBegin(found, ports.now()) && (await ports.door.describe(found.objectKey)) === undefined;
  if (isWanting) return uploadMissing;
  const transfer = await awaitTransfer(found, ports);
  if (transfer.refusal !== null) return transfer.refusal;
  if (transfer.direction !== 'outbound' || transfer.state !== 'done' || transfer.mediaId === null)
    return comeBackTo(`/v1/agents/${path.agentId}/media/${path.uploadId}/complete`);
  return { kind: 'created', body: { id: transfer.mediaId } };
};

export const completeUploadRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/media/{uploadId}/complete',
  path: z.object({ agentId, uploadId }),
  run: ({ caller, path, timeLeft }) => completeUpload(caller, path, transferPorts(timeLeft)),
});
