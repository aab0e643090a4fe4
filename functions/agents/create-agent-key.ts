import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import { createAgentKeyRequest } from '../../shared/contracts/agent-key.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { makeAgentKey, mostAgentKeys } from '../../shared/domain/agent-key.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { agentKeyView } from '../../shared/domain/representations.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { saveAgentKeys } from './save-agent-keys.ts';

export interface CreateAgentKeyPorts {
  readonly agents: Pick<AgentReader, 'find'>;
  readonly saver: AgentChanges;
  readonly now: () => Date;
}

/**
 * Gives an agent a key of its own, shown once, in this answer. With it the agent sends messages and moves media as itself, and nothing else.
 * Two at a time, so that one can take the place of the other. No edit: the agent's version stays.
 */
export const createAgentKey = async (
  caller: Caller,
  id: AgentId,
  ports: CreateAgentKeyPorts,
): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  if (before === undefined) return refuse('not-found');
  if (before.agentKeys.length >= mostAgentKeys)
    return refuse('too-many-keys', {
      detail: `An agent has at most ${mostAgentKeys} keys.`,
      guidance: 'Revoke the one that is not in use: DELETE /v1/agents/{agentId}/keys/{keyId}.',
    });
  const { shown, record } = makeAgentKey(ports.now());
  const conflict = await saveAgentKeys(ports.saver, before, [...before.agentKeys, record], record.keyId);
  if (conflict !== undefined) return conflict;
  return { kind: 'created', body: { ...agentKeyView(record), key: shown }, holdsSecret: true };
};

export const createAgentKeyRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/keys',
  path: z.object({ agentId }),
  body: createAgentKeyRequest,
  bodyOptional: true,
  idempotent: true,
  run: ({ caller, path }) =>
    createAgentKey(caller, path.agentId, {
      agents: ports.agents(),
      saver: ports.agentSaver(),
      now: () => new Date(),
    }),
});
