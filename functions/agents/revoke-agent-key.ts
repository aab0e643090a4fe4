import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import { type AgentId, type AgentKeyId, agentId, agentKeyId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { agentKeyView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { saveAgentKeys } from './save-agent-keys.ts';

export interface RevokeAgentKeyPorts {
  readonly agents: Pick<AgentReader, 'find'>;
  readonly saver: AgentChanges;
}

/** Takes a key from an agent: the next request with it is refused. Answers the key as it was listed. */
export const revokeAgentKey = async (
  caller: Caller,
  path: { readonly agentId: AgentId; readonly keyId: AgentKeyId },
  ports: RevokeAgentKeyPorts,
): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, path.agentId);
  const revoked = before?.agentKeys.find(({ keyId }) => keyId === path.keyId);
  if (before === undefined || revoked === undefined) return refuse('not-found');
  const others = before.agentKeys.filter((key) => key !== revoked);
  const conflict = await saveAgentKeys(ports.saver, before, others, revoked.keyId);
  return conflict ?? { kind: 'ok', body: agentKeyView(revoked) };
};

export const revokeAgentKeyRoute = apiRoute({
  routeKey: 'DELETE /v1/agents/{agentId}/keys/{keyId}',
  path: z.object({ agentId, keyId: agentKeyId }),
  run: ({ caller, path }) => revokeAgentKey(caller, path, { agents: ports.agents(), saver: ports.agentSaver() }),
});
