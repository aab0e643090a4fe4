import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { AgentTest } from '../../shared/contracts/agent.ts';
import { type AgentEvent, agentEventType } from '../../shared/contracts/agent-event.ts';
import {
  type AgentId,
  agentId,
  conversationId,
  credentialId,
  eventId,
  phoneNumberId,
} from '../../shared/contracts/ids.ts';
import { unguessable } from '../../shared/crypto/identifiers.ts';
import type { Dispatcher } from '../../shared/domain/dispatch.ts';
import { reportOf } from '../../shared/domain/dispatch-report.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { AgentRecord } from '../../shared/domain/records.ts';
import { withSigningSecrets } from '../../shared/domain/signing-access.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';

export interface TestAgentPorts {
  readonly agents: Pick<AgentReader, 'find'>;
  readonly opener: SecretOpener;
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  readonly now: () => Date;
}

/**
 * Sends a signed sample to the agent's target, paused or not, once, and says what came back. Nothing is sent to any customer, nothing of
 * what the agent said is shown, and what is known about the target stays as it is.
 */
export const testAgent = async (caller: Caller, id: AgentId, ports: TestAgentPorts): Promise<Answer | Refused> => {
  const agent = await ports.agents.find(caller.tenantId, id);
  if (agent === undefined) return refuse('not-found');
  const sample = sampleFor(agent, ports.now());
  const { outcome, durationMs } = await withSigningSecrets(
    ports.opener,
    caller.tenantId,
    agent,
    ports.now(),
    async (signingSecrets) => {
      const since = performance.now();
      const outcome = await ports.dispatcher.dispatch(agent, sample, signingSecrets);
      return { outcome, durationMs: Math.round(performance.now() - since) };
    },
  );
  const code = outcome.outcome === 'failed' ? outcome.reason : outcome.outcome;
  ports.journal.info('agent-tested', { tenantId: caller.tenantId, agentId: id, code });
  const body: AgentTest = { outcome: outcome.outcome, durationMs, ...reportOf(outcome) };
  return { kind: 'ok', body };
};

/** Stand in where WhatsApp is off. No number, credential or customer is called so. */
const noCredential = credentialId.parse(`cred_${'0'.repeat(26)}`);
const noNumber = phoneNumberId.parse('0'.repeat(15));
/** Reserved for fiction (North American Numbering Plan, 555-0100 to 0199). */
const noCustomer = '15550100';

/** A text message as Meta sends it, from a customer who does not exist, in a conversation of its own. */
const sampleFor = ({ tenantId, agentId, whatsapp }: AgentRecord, now: Date): AgentEvent => ({
  version: 1,
  type: agentEventType.message,
  timestamp: now.toISOString(),
  data: {
    eventId: eventId.parse(`evt_${unguessable()}`),
    tenantId,
    agentId,
    credentialId: whatsapp.enabled ? credentialId.parse(whatsapp.credentialId) : noCredential,
    phoneNumberId: whatsapp.enabled ? whatsapp.phoneNumberId : noNumber,
    conversation: {
      id: conversationId.parse(`conv_${unguessable()}`),
      customer: { waId: noCustomer, userId: null, groupId: null, name: 'Test' },
      handledBy: 'agent',
    },
    away: false,
    replayed: false,
    heldSince: null,
    test: true,
    message: {
      from: noCustomer,
      id: `wamid.test-${unguessable()}`,
      timestamp: String(Math.floor(now.getTime() / 1000)),
      type: 'text',
      text: { body: 'This is a test of your agent. Nobody gets the answer.' },
    },
  },
});

export const testAgentRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/test',
  path: z.object({ agentId }),
  run: ({ caller, path }) =>
    testAgent(caller, path.agentId, {
      agents: ports.agents(),
      opener: ports.opener(),
      dispatcher: ports.dispatcher(),
      journal,
      now: () => new Date(),
    }),
});
