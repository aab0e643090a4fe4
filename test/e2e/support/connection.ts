import { expect } from 'vitest';
import type { Credential } from '../../../shared/contracts/credential.ts';
import type { AgentHost, TestAgent } from './agent-host.ts';
import { Api } from './api.ts';
import { type Business, type BusinessPlan, credentialRequest, newBusiness } from './business.ts';
import { meta } from './meta.ts';
import { eventually } from './patience.ts';

/** A tenant whose credential is connected. */
export interface Connection {
  readonly api: Api;
  readonly business: Business;
  readonly credential: Credential;
  readonly wabaId: string;
  readonly numbers: readonly string[];
}

/** Connects an account of a business. @throws unless the API says 201 with a webhook that is set up */
export async function connect(
  api: Api,
  business: Business,
  changes?: Readonly<Record<string, unknown>>,
): Promise<Connection> {
  const request = credentialRequest(business, changes);
  const answer = await api.postCredential(request);
  expect(answer.status, answer.text).toBe(201);
  expect(answer.body.webhook.state).toBe('configured');
  const waba = business.wabas.find(({ id }) => id === request.wabaId);
  return { api, business, credential: answer.body, wabaId: waba?.id ?? '', numbers: waba?.numbers ?? [] };
}

export async function newConnection(tenant: string, plan?: BusinessPlan): Promise<Connection> {
  const [api, business] = await Promise.all([Api.asNewTenant(tenant), newBusiness(plan)]);
  return connect(api, business);
}

/** The body of a PUT that has an agent answer a number. */
export function agentRequest(
  agent: TestAgent,
  { credential }: Pick<Connection, 'credential'>,
  phoneNumberId: string,
  behaviour?: object,
) {
  return {
    name: `Agent ${agent.id}`,
    target: { type: 'https', url: agent.url },
    whatsapp: {
      enabled: true,
      credentialId: credential.id,
      phoneNumberId,
      ...(behaviour === undefined ? {} : { behaviour }),
    },
  };
}

/** Without read receipts: for what comes by the hundred. */
export const quiet = { readReceipts: false } as const;

/** Creates an agent for a number, and waits until Meta delivers the number's events to the credential's own URL. */
export async function bindAgent(
  host: AgentHost,
  id: string,
  connection: Connection,
  phoneNumberId: string,
  behaviour?: object,
): Promise<TestAgent> {
  const agent = host.place(id);
  const answer = await connection.api.putAgent(id, agentRequest(agent, connection, phoneNumberId, behaviour));
  expect(answer.status, answer.text).toBe(201);
  agent.signingSecret = answer.body.signingSecret ?? '';
  await eventually(async () => {
    const { targets } = await meta.targets(phoneNumberId);
    expect(targets).toContainEqual({
      appId: connection.business.app.id,
      url: connection.credential.webhook.url,
      level: 'phone',
    });
  });
  return agent;
}

/** A tenant with one number and one agent that answers it: what most tests begin with. */
export async function newConversationPartner(host: AgentHost, name: string, behaviour?: object) {
  const connection = await newConnection(name);
  const number = connection.numbers[0] ?? '';
  const agent = await bindAgent(host, `${name}-agent`, connection, number, behaviour);
  return { ...connection, number, agent };
}
export type ConversationPartner = Awaited<ReturnType<typeof newConversationPartner>>;
