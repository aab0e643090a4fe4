import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import { type AgentChanges, signingSecretsIn } from '../../shared/domain/agent-edition.ts';
import { numberChanges } from '../../shared/domain/bindings.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import { agentView } from '../../shared/domain/representations.ts';
import type { WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute, versionProblem } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workAfter } from './work-after.ts';

export interface RemoveAgentPorts {
  readonly agents: AgentReader;
  readonly saver: AgentChanges;
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/**
 * Removes an agent: from the next event on it gets nothing, its number is free, and its signing secrets are shredded, all in one transaction.
 * What was held for it goes with it, unless another agent of the number takes it. Answers the agent as it was last, without WhatsApp.
 */
export const removeAgent = async (
  caller: Caller,
  id: AgentId,
  ifMatch: string | undefined,
  ports: RemoveAgentPorts,
): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  if (before === undefined) return refuse('not-found');
  const unmet = versionProblem(ifMatch, before.version);
  if (unmet) return unmet;
  const unbound = { ...before, whatsapp: { enabled: false as const } };
  const numbers = await numberChanges(before, unbound, undefined, ports.agents);
  if (isRefused(numbers)) return numbers;
  const tickets = workAfter(unbound, numbers.changes, ports.now());
  const saved = await ports.saver.save({
    before,
    after: undefined,
    numbers: numbers.changes,
    sealed: [],
    retired: signingSecretsIn(before),
    tickets,
    about: ['agent'],
  });
  if (!saved)
    return refuse('conflict', { guidance: 'Read the agent again and repeat the request.', retryAfterSeconds: 1 });
  for (const ticket of tickets) await handOverWork(ticket, ports);
  return { kind: 'ok', body: agentView(unbound, undefined, undefined) };
};

export const removeAgentRoute = apiRoute({
  routeKey: 'DELETE /v1/agents/{agentId}',
  path: z.object({ agentId }),
  run: ({ caller, path, ifMatch }) =>
    removeAgent(caller, path.agentId, ifMatch, {
      agents: ports.agents(),
      saver: ports.agentSaver(),
      queues: ports.workQueues(),
      journal,
      now: () => new Date(),
    }),
});
