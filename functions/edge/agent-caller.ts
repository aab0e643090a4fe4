import type { AgentKeyOwner } from '../../shared/domain/agent-key.ts';
import { agentKeyDigest, looksLikeAgentKey } from '../../shared/domain/agent-key.ts';
import type { Refused } from '../../shared/domain/outcome.ts';
import { type Authenticate, type Caller, callerOf, unauthenticated } from './caller.ts';

export interface AgentCallerPorts {
  readonly keys: { ownerOf(digest: string): Promise<AgentKeyOwner | undefined> };
  /** Whether a token is good, as the gateway would judge it. @throws {Fault} issuer-unavailable */
  readonly isAcceptable: (accessToken: string) => Promise<boolean>;
}

const bearer = /^Bearer (\S+)$/i;

/**
 * Who calls a route that users and agents share. The gateway has verified nothing there, so it is done here: an agent by its key, which is looked up
 * for each request, a user by the access token. Both are refused in the same words.
 */
export const userOrAgent =
  (ports: () => AgentCallerPorts): Authenticate =>
  async (authorization): Promise<Caller | Refused> => {
    const presented = bearer.exec(authorization ?? '')?.[1];
    if (presented === undefined) return nobody();
    if (looksLikeAgentKey(presented)) return (await byKey(presented, ports())) ?? nobody();
    return (await ports().isAcceptable(presented)) ? callerOf(authorization) : nobody();
  };

const byKey = async (key: string, { keys }: AgentCallerPorts): Promise<Caller | undefined> => {
  const digest = agentKeyDigest(key);
  const owner = digest === undefined ? undefined : await keys.ownerOf(digest);
  return owner && { tenantId: owner.tenantId, subject: owner.keyId, agentId: owner.agentId };
};

const nobody = (): Refused =>
  unauthenticated(
    'Send `Authorization: Bearer` with a key of the agent or with an access token of the configured issuer.',
  );
