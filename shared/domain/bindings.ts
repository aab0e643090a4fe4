import { isDeepStrictEqual } from 'node:util';
import type { AgentRouting } from '../contracts/agent.ts';
import type { AgentId, PhoneNumberId } from '../contracts/ids.ts';
import { stopOf } from './account-standing.ts';
import { type Refused, refuse } from './outcome.ts';
import type { AgentRecord, Binding, ClaimedNumber, CountedNumber, CredentialRecord, NumberRecord } from './records.ts';
import { tidyConditions } from './routing-conditions.ts';

/** A number as it was read and as it shall be; undefined before: unclaimed, undefined after: released. */
export interface NumberChange {
  readonly phoneNumberId: PhoneNumberId;
  readonly before: CountedNumber | undefined;
  readonly after: NumberRecord | undefined;
  readonly credential: Pick<CredentialRecord, 'tenantId' | 'credentialId'>;
  /** What the credential's item says of it: for the receiver, which reads that item only. */
  readonly claimed: ClaimedNumber | undefined;
}

/** What bounds the number's item, which is read for every event, and how long it takes to find out who gets it. */
export const maxAgentsPerNumber = 20;

/** Half of what a DynamoDB item may hold (400 KB): the rest is room for what the router adds. In bytes. */
const maxBindingsBytes = 200 * 1024;

/** The agent's wishes in the form in which they are kept. Refuses conditions that could never be met or say the same twice. */
export const tidyWhatsapp = (whatsapp: AgentRecord['whatsapp']): AgentRecord['whatsapp'] | Refused => {
  if (!whatsapp.enabled || !('conditions' in whatsapp.routing)) return whatsapp;
  const tidied = tidyConditions(whatsapp.routing.conditions);
  return 'errors' in tidied
    ? refuse('invalid-request', {
        errors: tidied.errors.map((error) => ({ ...error, pointer: `/whatsapp/routing/conditions${error.pointer}` })),
        guidance: 'Correct the named conditions.',
      })
    : { ...whatsapp, routing: { ...whatsapp.routing, conditions: tidied.conditions } };
};

export interface Numbers {
  readNumber(id: PhoneNumberId): Promise<CountedNumber | undefined>;
}

/** The number that the agent leaves and the one that it takes. Refuses a number in use elsewhere, a second default agent, a second agent of one priority, and more agents than a number can have. */
export const numberChanges = async (
  before: AgentRecord | undefined,
  after: AgentRecord,
  credential: CredentialRecord | undefined,
  numbers: Numbers,
): Promise<{ readonly changes: readonly NumberChange[] } | Refused> => {
  const changes: NumberChange[] = [];
  const taken = after.whatsapp.enabled ? after.whatsapp.phoneNumberId : undefined;
  const left = before?.whatsapp.enabled ? before.whatsapp.phoneNumberId : undefined;
  if (left !== undefined && left !== taken) {
    const number = await numbers.readNumber(left);
    // A number that has passed to somebody else is not ours to change.
    if (number?.tenantId === after.tenantId) changes.push(changeOf(left, number, without(number, after.agentId)));
  }
  if (taken !== undefined && credential !== undefined) {
    const number = await numbers.readNumber(taken);
    const refused = number && takenProblem(number, after, credential);
    if (refused) return refused;
    const claimed = bound(number, taken, after, credential);
    const crowded = crowdingProblem(claimed, after);
    if (crowded) return crowded;
    changes.push(changeOf(taken, number, claimed));
  }
  return { changes };
};

const takenProblem = (number: CountedNumber, agent: AgentRecord, credential: CredentialRecord): Refused | undefined => {
  const pointer = '/whatsapp/phoneNumberId';
  if (number.tenantId !== agent.tenantId || number.credentialId !== credential.credentialId)
    return refuse('number-taken', {
      errors: [{ pointer, message: 'This number is in use elsewhere.' }],
      guidance: 'Choose another number, or ask the operator to release it.',
    });
  const others = number.bindings.filter((binding) => binding.agentId !== agent.agentId);
  return agent.whatsapp.enabled ? routingProblem(agent.whatsapp.routing, others) : undefined;
};

/** One default agent, and one agent of each priority: who gets a message is never a matter of chance. */
const routingProblem = (routing: AgentRouting, others: readonly Binding[]): Refused | undefined => {
  if ('default' in routing) {
    const other = others.find((binding) => 'default' in binding.routing);
    return (
      other &&
      refuse('default-taken', {
        detail: `Agent ${other.agentId} is the default agent of this number.`,
        errors: [{ pointer: '/whatsapp/routing/default', message: 'A number has one default agent.' }],
        guidance: 'Choose another number, give this agent conditions, or disable WhatsApp for that agent first.',
      })
    );
  }
  const other = others.find(
    (binding) => 'priority' in binding.routing && binding.routing.priority === routing.priority,
  );
  return (
    other &&
    refuse('priority-taken', {
      detail: `Agent ${other.agentId} has this priority on this number.`,
      errors: [{ pointer: '/whatsapp/routing/priority', message: 'Two agents of a number need two priorities.' }],
      guidance: 'Choose another priority: 1 is asked first.',
    })
  );
};

const crowdingProblem = ({ bindings }: NumberRecord, agent: AgentRecord): Refused | undefined => {
  if (bindings.length > maxAgentsPerNumber)
    return refuse('too-many-agents', {
      detail: `A number has at most ${maxAgentsPerNumber} agents.`,
      errors: [{ pointer: '/whatsapp/phoneNumberId', message: 'This number has as many agents as it can have.' }],
      guidance: 'Choose another number, or disable WhatsApp for one of its agents first.',
    });
  return Buffer.byteLength(JSON.stringify(bindings)) > maxBindingsBytes
    ? refuse('too-many-agents', {
        detail: 'The agents of this number have more conditions and texts together than can be kept.',
        errors: [{ pointer: '/whatsapp', message: `Agent ${agent.agentId} no longer fits beside the others.` }],
        guidance: 'Shorten lists of conditions of the agents of this number.',
      })
    : undefined;
};

const changeOf = (
  phoneNumberId: PhoneNumberId,
  before: CountedNumber | undefined,
  after: NumberRecord,
): NumberChange => {
  const released = after.bindings.length === 0;
  return {
    phoneNumberId,
    before,
    after: released ? undefined : after,
    credential: after,
    claimed: released
      ? undefined
      : {
          agentIds: after.bindings.map((binding) => binding.agentId),
          forward: [...new Set(after.bindings.flatMap((binding) => binding.behaviour.forward))],
        },
  };
};

const without = (number: CountedNumber, id: AgentId): NumberRecord => ({
  ...number,
  bindings: number.bindings.filter((binding) => binding.agentId !== id),
  circuits: closed(number.circuits, id),
});

const bound = (
  number: CountedNumber | undefined,
  phoneNumberId: PhoneNumberId,
  agent: AgentRecord,
  credential: CredentialRecord,
): NumberRecord => {
  const others = (number?.bindings ?? []).filter((binding) => binding.agentId !== agent.agentId);
  return {
    phoneNumberId,
    tenantId: agent.tenantId,
    credentialId: credential.credentialId,
    secretVersion: credential.secretVersion,
    wabaId: credential.wabaId,
    appId: credential.appId,
    acceptedSources: number?.acceptedSources ?? [credential.credentialId],
    bindings: [...others, ...bindingOf(agent)],
    circuits:
      number === undefined || keepsTarget(number, agent)
        ? (number?.circuits ?? {})
        : closed(number.circuits, agent.agentId),
    // Who stops the account or lets it go on changes every number that is there; only a new one goes by the credential.
    stopped: number === undefined ? stopOf(credential) : number.stopped,
    boundAt: number !== undefined && number.bindings.length > 0 ? number.boundAt : agent.updatedAt,
    deliversSince: number?.deliversSince ?? null,
    unnumberedAt: number?.unnumberedAt ?? null,
    doubt: number?.doubt ?? null,
  };
};

const bindingOf = ({ whatsapp, ...agent }: AgentRecord): readonly Binding[] =>
  whatsapp.enabled
    ? [
        {
          agentId: agent.agentId,
          target: agent.target,
          secretVersion: agent.secretVersion,
          previousSecretVersion: agent.previousSecretVersion,
          previousSignsUntil: agent.previousSignsUntil,
          routing: whatsapp.routing,
          behaviour: whatsapp.behaviour,
          pausedAt: agent.pausedAt,
        },
      ]
    : [];

/**
 * The number that the agent answers, with its binding as the agent is now; none where the number is not the agent's (any more).
 * `afresh` forgets what the router has found out about its target.
 */
export const rebound = async (
  agent: AgentRecord,
  numbers: Numbers,
  { afresh = false } = {},
): Promise<readonly NumberChange[]> => {
  if (!agent.whatsapp.enabled) return [];
  const id = agent.whatsapp.phoneNumberId;
  const number = await numbers.readNumber(id);
  if (number?.tenantId !== agent.tenantId || boundIn(number, agent.agentId) === undefined) return [];
  const bindings = number.bindings.flatMap((other) => (other.agentId === agent.agentId ? bindingOf(agent) : [other]));
  const circuits = afresh ? closed(number.circuits, agent.agentId) : number.circuits;
  return [changeOf(id, number, { ...number, bindings, circuits })];
};

/**
 * Numbers of which held events may go on once the changes are stored: the agent has left them, has another target, or is paused or
 * suspended no more.
 */
export const releasedBy = (changes: readonly NumberChange[], id: AgentId): readonly PhoneNumberId[] =>
  changes.filter(({ before, after }) => isReleased(before, after, id)).map(({ phoneNumberId }) => phoneNumberId);

const isReleased = (before: NumberRecord | undefined, after: NumberRecord | undefined, id: AgentId): boolean => {
  const [former, now] = [boundIn(before, id), boundIn(after, id)];
  if (former === undefined) return false;
  return (
    now === undefined ||
    !isDeepStrictEqual(former.target, now.target) ||
    (former.pausedAt !== null && now.pausedAt === null) ||
    (before?.circuits[id] !== undefined && after?.circuits[id] === undefined)
  );
};

const boundIn = (number: NumberRecord | undefined, id: AgentId): Binding | undefined =>
  number?.bindings.find(({ agentId }) => agentId === id);

const keepsTarget = (number: NumberRecord, { agentId, target }: AgentRecord): boolean =>
  isDeepStrictEqual(boundIn(number, agentId)?.target, target);

const closed = (circuits: NumberRecord['circuits'], id: AgentId): NumberRecord['circuits'] =>
  Object.fromEntries(Object.entries(circuits).filter(([agentId]) => agentId !== id));
