import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type TargetRules, targetRefusal } from '../../shared/adapters/public-host.ts';
import { type AgentTarget, type PutAgentRequest, putAgentRequest } from '../../shared/contracts/agent.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type AgentId, agentId, credentialId } from '../../shared/contracts/ids.ts';
import type { AgentChanges } from '../../shared/domain/agent-edition.ts';
import { numberChanges, tidyWhatsapp } from '../../shared/domain/bindings.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { AgentRecord, CredentialRecord } from '../../shared/domain/records.ts';
import { agentView, phoneNumberIdOf } from '../../shared/domain/representations.ts';
import type { SecretSealer } from '../../shared/domain/vault.ts';
import type { WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute, versionProblem } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { newSigningSecret } from './signing-secret.ts';
import { workAfter } from './work-after.ts';

export interface PutAgentPorts {
  readonly agents: AgentReader;
  readonly saver: AgentChanges;
  readonly credentials: CredentialReader;
  readonly sealer: SecretSealer;
  readonly queues: WorkQueues;
  readonly targetRules: TargetRules;
  /** Whether the operator has set a runtime of the platform's own. */
  readonly hasRuntime: boolean;
  readonly journal: Journal;
  readonly apiUrl: string;
  readonly now: () => Date;
}

export interface Precondition {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/**
 * Creates or edits an agent, and binds it to one of the caller's phone numbers: the number is claimed stack-wide in the same
 * transaction, and its callback at Meta is set up from the queue. The signing secret is shown once, in the answer that created it.
 */
export const putAgent = async (
  caller: Caller,
  id: AgentId,
  request: PutAgentRequest,
  precondition: Precondition,
  ports: PutAgentPorts,
): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  const unmet = preconditionProblem(before, precondition);
  if (unmet) return unmet;
  const refusedTarget = await targetProblem(request.target, ports);
  if (refusedTarget) return refusedTarget;
  const whatsapp = tidyWhatsapp(request.whatsapp);
  if (isRefused(whatsapp)) return whatsapp;
  const credential = await credentialFor(caller, request, ports);
  if (credential !== undefined && isRefused(credential)) return credential;

  const now = ports.now().toISOString();
  const after: AgentRecord = {
    tenantId: caller.tenantId,
    agentId: id,
    name: request.name,
    version: (before?.version ?? 0) + 1,
    secretVersion: before?.secretVersion ?? (await ports.agents.lastEdition(caller.tenantId, id)) + 1,
    previousSecretVersion: before?.previousSecretVersion ?? null,
    previousSignsUntil: before?.previousSignsUntil ?? null,
    target: request.target,
    whatsapp,
    pausedAt: before?.pausedAt ?? null,
    agentKeys: before?.agentKeys ?? [],
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
  };
  const numbers = await numberChanges(before, after, credential, ports.agents);
  if ('refused' in numbers) return numbers;

  const secret = before === undefined ? await newSigningSecret(after, ports.sealer) : undefined;
  const tickets = workAfter(after, numbers.changes, ports.now());
  const saved = await ports.saver.save({
    before,
    after,
    numbers: numbers.changes,
    sealed: secret === undefined ? [] : [secret.sealed],
    retired: [],
    tickets,
    about: ['agent'],
  });
  if (!saved)
    return refuse('conflict', { guidance: 'Read the agent again and repeat the change.', retryAfterSeconds: 1 });
  for (const ticket of tickets) await handOverWork(ticket, ports);
  const answered = numbers.changes.find(({ phoneNumberId }) => phoneNumberId === phoneNumberIdOf(after))?.after;
  const view = agentView(after, credential, answered);
  return {
    kind: before === undefined ? 'created' : 'ok',
    body: secret === undefined ? view : { ...view, signingSecret: secret.shown },
    version: after.version,
  };
};

const preconditionProblem = (
  before: AgentRecord | undefined,
  { ifMatch, ifNoneMatch }: Precondition,
): Refused | undefined => {
  if (ifNoneMatch === '*')
    return before === undefined
      ? undefined
      : refuse('agent-exists', { guidance: 'Read the agent and send If-Match with its ETag to change it.' });
  if (ifMatch === undefined)
    return refuse('precondition-required', {
      guidance: 'Send If-None-Match: * to create the agent, or If-Match with its ETag to change it.',
    });
  return before === undefined ? refuse('not-found') : versionProblem(ifMatch, before.version);
};

const targetProblem = async (
  target: AgentTarget,
  { targetRules, hasRuntime }: PutAgentPorts,
): Promise<Refused | undefined> => {
  if (target.type === 'platform')
    return hasRuntime
      ? undefined
      : refuse('target-refused', {
          errors: [{ pointer: '/target/type', message: 'The operator of the platform has set no runtime.' }],
          guidance: 'Enter the public https URL of your agent, or ask the operator to set a runtime for agents.',
        });
  const problem = await targetRefusal(target.url, targetRules);
  return problem === undefined
    ? undefined
    : refuse('target-refused', {
        errors: [{ pointer: '/target/url', message: problem }],
        guidance: 'Enter the public https URL of your agent.',
      });
};

/** The caller's credential that the agent wants to use; undefined when WhatsApp stays off. */
const credentialFor = async (
  caller: Caller,
  { whatsapp }: PutAgentRequest,
  ports: PutAgentPorts,
): Promise<CredentialRecord | undefined | Refused> => {
  if (!whatsapp.enabled) return undefined;
  const id = credentialId.safeParse(whatsapp.credentialId);
  const credential = id.success ? await ports.credentials.find(caller.tenantId, id.data) : undefined;
  if (credential === undefined || credential.status === 'removing') {
    const { items } = await ports.credentials.list(caller.tenantId, 1);
    return items.length === 0
      ? refuse('credentials-required', {
          detail: 'WhatsApp needs credentials of your own, and you have connected none yet.',
          guidance: 'Connect your WhatsApp Business Account first, then enable WhatsApp for the agent.',
          link: { href: `${ports.apiUrl}/openapi.json`, title: 'How to connect credentials: POST /v1/credentials' },
        })
      : refuse('credential-unknown', {
          errors: [{ pointer: '/whatsapp/credentialId', message: 'You have no credential with this id.' }],
          guidance: 'Choose one of your credentials (GET /v1/credentials).',
        });
  }
  return credential.phoneNumbers.some(({ phoneNumberId }) => phoneNumberId === whatsapp.phoneNumberId)
    ? credential
    : refuse('number-not-in-credential', {
        errors: [{ pointer: '/whatsapp/phoneNumberId', message: 'The credential has no such phone number.' }],
        guidance: 'Choose one of the phone numbers that the credential lists.',
      });
};

export const putAgentRoute = apiRoute({
  routeKey: 'PUT /v1/agents/{agentId}',
  path: z.object({ agentId }),
  body: putAgentRequest,
  run: ({ caller, path, body, ifMatch, ifNoneMatch }) =>
    putAgent(
      caller,
      path.agentId,
      body,
      { ifMatch, ifNoneMatch },
      {
        agents: ports.agents(),
        saver: ports.agentSaver(),
        credentials: ports.credentials(),
        sealer: ports.sealer(),
        queues: ports.workQueues(),
        targetRules: ports.targetRules(),
        hasRuntime: ports.agentRuntime() !== undefined,
        journal,
        apiUrl: setting(environmentName.apiUrl),
        now: () => new Date(),
      },
    ),
});
