import * as z from 'zod';
import type { AgentReader } from '../../shared/adapters/agent-store.ts';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type AgentId, agentId } from '../../shared/contracts/ids.ts';
import { type AgentChanges, retirementOf, rotated, signingSecretsIn } from '../../shared/domain/agent-edition.ts';
import { rebound } from '../../shared/domain/bindings.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { SecretSealer } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { newSigningSecret } from './signing-secret.ts';
import { viewAgent } from './view-agent.ts';

export interface RotateSigningSecretPorts {
  readonly agents: AgentReader;
  readonly saver: AgentChanges;
  readonly credentials: CredentialReader;
  readonly sealer: SecretSealer;
  readonly now: () => Date;
}

/**
 * A new signing secret, shown once, in this answer. For a day events carry a signature by the former one, too. One that is older still, from
 * a rotation within that day, is shredded in the same transaction. No edit: the agent's version stays.
 */
export const rotateSigningSecret = async (
  caller: Caller,
  id: AgentId,
  ports: RotateSigningSecretPorts,
): Promise<Answer | Refused> => {
  const before = await ports.agents.find(caller.tenantId, id);
  if (before === undefined) return refuse('not-found');
  const now = ports.now();
  const after = rotated(before, now);
  const { shown, sealed } = await newSigningSecret(after, ports.sealer);
  const kept = new Set([after.secretVersion, after.previousSecretVersion]);
  const saved = await ports.saver.save({
    before,
    after,
    numbers: await rebound(after, ports.agents),
    sealed: [sealed],
    retired: signingSecretsIn(before).filter(({ secretVersion }) => !kept.has(secretVersion)),
    tickets: retirementOf(after, now),
    about: ['signing-secret'],
  });
  if (!saved) return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
  return {
    kind: 'ok',
    body: { ...(await viewAgent(after, ports)), signingSecret: shown },
    version: after.version,
    holdsSecret: true,
  };
};

export const rotateSigningSecretRoute = apiRoute({
  routeKey: 'POST /v1/agents/{agentId}/signing-secret',
  path: z.object({ agentId }),
  idempotent: true,
  run: ({ caller, path }) =>
    rotateSigningSecret(caller, path.agentId, {
      agents: ports.agents(),
      saver: ports.agentSaver(),
      credentials: ports.credentials(),
      sealer: ports.sealer(),
      now: () => new Date(),
    }),
});
