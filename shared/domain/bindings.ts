import type { AgentId, PhoneNumberId } from '../contracts/ids.ts';
import { stopOf } from './account-standing.ts';
import { type Refused, refuse } from './outcome.ts';
import type { AgentRecord, Binding, ClaimedNumber, CountedNumber, CredentialRecord, NumberRecord } from './records.ts';

/** A number as it was read and as it shall be; undefined before: unclaimed, undefined after: released. */
export interface NumberChange {
  readonly phoneNumberId: PhoneNumberId;
  readonly before: CountedNumber | undefined;
  readonly after: NumberRecord | undefined;
  readonly credential: Pick<CredentialRecord, 'tenantId' | 'credentialId'>;
  /** What the credential's item says of it: for the receiver, which reads that item only. */
  readonly claimed: ClaimedNumber | undefined;
}

/** The number that the agent leaves and the one that it takes. Refuses a number in use elsewhere and a second default agent. */
export const numberChanges = async (
  before: AgentRecord | undefined,
  after: AgentRecord,
  credential: CredentialRecord | undefined,
  numbers: { readNumber(id: PhoneNumberId): Promise<CountedNumber | undefined> },
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
    changes.push(changeOf(taken, number, bound(number, taken, after, credential)));
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
  if (!isDefault(agent)) return undefined;
  const other = number.bindings.find((binding) => 'default' in binding.routing && binding.agentId !== agent.agentId);
  return other === undefined
    ? undefined
    : refuse('default-taken', {
        detail: `Agent ${other.agentId} is the default agent of this number.`,
        errors: [{ pointer: '/whatsapp/routing/default', message: 'A number has one default agent.' }],
        guidance: 'Choose another number, or disable WhatsApp for that agent first.',
      });
};

const isDefault = ({ whatsapp }: AgentRecord): boolean => whatsapp.enabled && 'default' in whatsapp.routing;

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
    circuits: number?.circuits ?? {},
    stopped: number?.stopped ?? stopOf(credential),
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
