import type { AgentId, TenantId } from '../contracts/ids.ts';
import type { SecretIdentity } from '../crypto/secret-context.ts';
import { type NumberChange, type Numbers, rebound } from './bindings.ts';
import { signingSecretOf } from './dispatch.ts';
import type { AgentRecord } from './records.ts';
import type { SealedSecret } from './vault.ts';
import { newTicket, type Ticket, type WorkOutcome } from './work.ts';

/** A change of an agent: what it was, what it shall be, and what comes and goes with it. */
export interface AgentChange {
  /** Undefined: it is new. */
  readonly before: AgentRecord | undefined;
  /** Undefined: it goes. */
  readonly after: AgentRecord | undefined;
  readonly numbers: readonly NumberChange[];
  readonly sealed: readonly SealedSecret[];
  readonly retired: readonly SecretIdentity[];
  readonly tickets: readonly Ticket[];
  /** Names of what is changed, for the audit. */
  readonly about: readonly string[];
}

export interface AgentChanges {
  /** All of it or nothing. False when agent, numbers or credential changed since they were read. */
  save(change: AgentChange): Promise<boolean>;
}

export interface Agents extends Numbers {
  find(tenantId: TenantId, id: AgentId): Promise<AgentRecord | undefined>;
  /** The edition of the last signing secret of a former agent of this id; 0 where there was none. */
  lastEdition(tenantId: TenantId, id: AgentId): Promise<number>;
}

/** How long the former signing secret signs too after a rotation. In milliseconds. */
const formerSigns = 24 * 60 * 60 * 1000;

/** The agent with the next edition of its signing secret; the one in force until now signs too for a day, one before that no more. */
export const rotated = (agent: AgentRecord, now: Date): AgentRecord => ({
  ...agent,
  secretVersion: agent.secretVersion + 1,
  previousSecretVersion: agent.secretVersion,
  previousSignsUntil: new Date(now.getTime() + formerSigns).toISOString(),
});

/** All signing secrets that an agent has in the Vault. */
export const signingSecretsIn = ({
  tenantId,
  agentId,
  secretVersion,
  previousSecretVersion,
}: AgentRecord): readonly SecretIdentity[] =>
  [secretVersion, previousSecretVersion]
    .filter((version) => version !== null)
    .map((version) => signingSecretOf(tenantId, agentId, version));

/** The end of a former signing secret, in its time: the sweeper's, who stores it need not queue it. */
export const retirementOf = (
  { tenantId, agentId, previousSecretVersion, previousSignsUntil }: AgentRecord,
  now: Date,
) =>
  previousSecretVersion === null || previousSignsUntil === null
    ? []
    : [
        newTicket(
          { kind: 'retire-agent-secret', tenantId, agentId, secretVersion: previousSecretVersion },
          now,
          new Date(previousSignsUntil),
        ),
      ];

/** Shreds a former signing secret once it signs no more. One that has gone meanwhile is done with. */
export const retireAgentSecret = async (
  request: { readonly tenantId: TenantId; readonly agentId: AgentId; readonly secretVersion: number },
  ports: { readonly agents: Agents; readonly saver: AgentChanges; readonly now: () => Date },
): Promise<WorkOutcome> => {
  const before = await ports.agents.find(request.tenantId, request.agentId);
  if (before === undefined || before.previousSecretVersion !== request.secretVersion) return 'done';
  const until = new Date(before.previousSignsUntil ?? 0);
  if (until > ports.now()) return { outcome: 'later', deadline: until };
  const after = { ...before, previousSecretVersion: null, previousSignsUntil: null };
  const saved = await ports.saver.save({
    before,
    after,
    numbers: await rebound(after, ports.agents),
    sealed: [],
    retired: [signingSecretOf(request.tenantId, request.agentId, request.secretVersion)],
    tickets: [],
    about: ['former-signing-secret'],
  });
  return saved ? 'done' : 'again';
};
