import * as z from 'zod';
import { type AgentId, agentId, type MessageId, messageId } from '../../shared/contracts/ids.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { type MessageStore, messageView } from '../../shared/domain/sent-message.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

/** What has become of a message that the agent sent through the API in the last 30 days. What it said is kept nowhere. */
export const describeMessage = async (
  { tenantId }: Caller,
  path: { readonly agentId: AgentId; readonly messageId: MessageId },
  messages: Pick<MessageStore, 'find'>,
): Promise<Answer | Refused> => {
  const message = await messages.find(path.messageId);
  if (message === undefined || message.tenantId !== tenantId || message.agentId !== path.agentId)
    return refuse('not-found');
  return { kind: 'ok', body: messageView(message) };
};

export const describeMessageRoute = apiRoute({
  routeKey: 'GET /v1/agents/{agentId}/messages/{messageId}',
  path: z.object({ agentId, messageId }),
  run: ({ caller, path }) => describeMessage(caller, path, ports.messages()),
});
