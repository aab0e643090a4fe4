import type { AgentId, TenantId } from '../contracts/ids.ts';
import type { RoutingStore } from './conversation.ts';
import { type Refused, refuse } from './outcome.ts';
import type { AgentRecord, NumberRecord } from './records.ts';
import { phoneNumberIdOf } from './representations.ts';

export interface NumberOfAgentPorts {
  readonly agents: { find(tenantId: TenantId, id: AgentId): Promise<AgentRecord | undefined> };
  readonly routing: Pick<RoutingStore, 'read'>;
}

/** The number that the agent answers, if its account is in service. */
export const numberOfAgent = async (
  tenantId: TenantId,
  id: AgentId,
  { agents, routing }: NumberOfAgentPorts,
): Promise<NumberRecord | Refused> => {
  const agent = await agents.find(tenantId, id);
  if (agent === undefined) return refuse('not-found');
  const phoneNumberId = phoneNumberIdOf(agent);
  const { number } = phoneNumberId === undefined ? {} : await routing.read(phoneNumberId, []);
  const isOwn = number?.tenantId === tenantId && number.bindings.some((binding) => binding.agentId === id);
  if (number === undefined || !isOwn)
    return refuse('whatsapp-off', {
      guidance: 'Enable WhatsApp for the agent, with one of the numbers of your credentials.',
    });
  if (number.stopped !== null)
    return refuse('integration-stopped', {
      detail: `Since ${number.stopped.since} nothing is sent through the account (${number.stopped.code}).`,
      guidance: 'GET /v1/credentials/{credentialId} says why and what to do.',
    });
  return number;
};
