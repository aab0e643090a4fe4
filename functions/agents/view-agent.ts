import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { Agent } from '../../shared/contracts/agent.ts';
import type { LastTimes } from '../../shared/domain/number-activity.ts';
import type { AgentRecord } from '../../shared/domain/records.ts';
import { agentView, credentialIdOf, phoneNumberIdOf } from '../../shared/domain/representations.ts';

/** An agent as the API shows it, with what it is connected through and what the router knows of its target. */
export const viewAgent = async (
  agent: AgentRecord,
  { agents, credentials }: { readonly agents: AgentReader; readonly credentials: CredentialReader },
  times?: LastTimes,
): Promise<Agent> => {
  const [connectedBy, answers] = [credentialIdOf(agent), phoneNumberIdOf(agent)];
  const [credential, number] = await Promise.all([
    connectedBy && credentials.find(agent.tenantId, connectedBy),
    answers && agents.readNumber(answers),
  ]);
  return agentView(agent, credential, number, times);
};
