import type { AgentKeyId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { AgentKeyRecord, AgentRecord } from '../../shared/domain/records.ts';

/** Gives an agent these keys in place of those that it has, on account of one of them. What came in between, or undefined. */
export const saveAgentKeys = async (
  saver: AgentChanges,
  before: AgentRecord,
  agentKeys: readonly AgentKeyRecord[],
  about: AgentKeyId,
): Promise<Refused | undefined> => {
  const after = { ...before, agentKeys: [...agentKeys] };
  const unchanged = { numbers: [], sealed: [], retired: [], tickets: [] };
  const isSaved = await saver.save({ before, after, ...unchanged, about: ['agent-key', about] });
  return isSaved ? undefined : refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
};
