import * as z from 'zod';
import { type AgentId, agentId, type MediaId, mediaId } from '../../shared/contracts/ids.ts';
import { isErasedSince, readConversation } from '../../shared/domain/conversation.ts';
import type { MediaDoor } from '../../shared/domain/media-relay.ts';
import { inboundTransferId } from '../../shared/domain/media-transfer.ts';
import { type NumberOfAgentPorts, numberOfAgent } from '../../shared/domain/number-of-agent.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { type AwaitTransferPorts, awaitTransfer, comeBackTo, transferPorts } from './await-transfer.ts';

export interface FetchMediaPorts extends NumberOfAgentPorts, AwaitTransferPorts {
  readonly door: Pick<MediaDoor, 'signDownload'>;
}

/**
 * Where an agent gets what a customer has sent it: a URL for five minutes, without any token of Meta's. Refuses media of which the agent was never told;
 * what takes longer than the caller waits is asked for again.
 */
export const fetchMedia = async (
  { tenantId }: Caller,
  path: { readonly agentId: AgentId; readonly mediaId: MediaId },
  ports: FetchMediaPorts,
): Promise<Answer | Refused> => {
  const number = await numberOfAgent(tenantId, path.agentId, ports);
  if (isRefused(number)) return number;
  const found = await ports.transfers.find(inboundTransferId(number, path.agentId, path.mediaId));
  if (found?.direction !== 'inbound' || found.tenantId !== tenantId) return refuse('not-found');
  if (isErasedSince(await readConversation(found, ports.routing), found.receivedAt)) return refuse('not-found');
  const transfer = await awaitTransfer(found, ports);
  if (transfer.refusal !== null) return transfer.refusal;
  if (transfer.direction !== 'inbound' || transfer.state !== 'done' || transfer.object === null)
    return comeBackTo(`/v1/agents/${path.agentId}/media/${path.mediaId}`);
  const { key, contentType } = transfer.object;
  return { kind: 'found', body: {}, location: await ports.door.signDownload(key, contentType) };
};

export const fetchMediaRoute = apiRoute({
  routeKey: 'GET /v1/agents/{agentId}/media/{mediaId}',
  path: z.object({ agentId, mediaId }),
  run: ({ caller, path, timeLeft }) => fetchMedia(caller, path, transferPorts(timeLeft)),
});
