import type { Dashboard, DashboardCredential } from '../contracts/dashboard.ts';
import { heldDays } from '../contracts/held.ts';
import type { AgentId, CredentialId, PhoneNumberId } from '../contracts/ids.ts';
import { agentSums, type CountedSpans, countersOf, dayOf, numberSums, spansOf, sumsOf } from './activity.ts';
import { furtherReasonsOf, stateOf } from './credential-state.ts';
import type { NotedUsage } from './meta-usage.ts';
import type { LastTimes, NumberActivity } from './number-activity.ts';
import type { AgentRecord, CredentialRecord, LastCheck, NumberRecord } from './records.ts';
import { agentView, credentialIdOf, phoneNumberIdOf, phoneNumbersView, usageView } from './representations.ts';

/** What was read for a dashboard, of one tenant. */
export interface DashboardReads {
  readonly now: Date;
  readonly credentials: readonly CredentialRecord[];
  readonly agents: readonly AgentRecord[];
  readonly isComplete: boolean;
  readonly spans: CountedSpans;
  readonly numberTimes: ReadonlyMap<PhoneNumberId, NumberActivity>;
  readonly agentTimes: ReadonlyMap<AgentId, LastTimes>;
  readonly checks: ReadonlyMap<CredentialId, LastCheck>;
  readonly usages: ReadonlyMap<CredentialId, NotedUsage>;
  /** Those that agents answer. */
  readonly numbers: ReadonlyMap<PhoneNumberId, NumberRecord>;
}

export const dashboardOf = (reads: DashboardReads): Dashboard => {
  const { now, agents, spans, isComplete } = reads;
  const credentials = reads.credentials.map((credential) => credentialPart(credential, reads));
  return {
    generatedAt: now.toISOString(),
    totals: countersOf(spans, now),
    held: sum(credentials),
    credentials,
    agents: agents.map((agent) => agentPart(agent, reads)),
    isComplete,
  };
};

const credentialPart = (record: CredentialRecord, reads: DashboardReads): DashboardCredential => {
  const { credentialId: id } = record;
  const noted = reads.usages.get(id);
  const [state, furtherReasons] = [stateOf(record), furtherReasonsOf(record)];
  const phoneNumbers = phoneNumbersView(record).map(({ claimed: _, ...number }) => {
    const times = reads.numberTimes.get(number.phoneNumberId);
    return {
      ...number,
      reason:
        [state.reason, ...furtherReasons].find((it) => it?.phoneNumberIds?.includes(number.phoneNumberId)) ?? null,
      lastInboundAt: times?.lastInboundAt ?? null,
      lastOutboundAt: times?.lastOutboundAt ?? null,
      held: heldOf(number.phoneNumberId, reads),
      activity: numberSums(spansOf(reads.spans, id), number.phoneNumberId),
    };
  });
  return {
    id,
    label: record.label,
    ...state,
    furtherReasons: [...furtherReasons],
    triedAt: reads.checks.get(id)?.triedAt ?? null,
    checkedAt: reads.checks.get(id)?.checkedAt ?? null,
    accessTokenExpiresAt: record.accessTokenExpiresAt,
    webhook: { state: record.webhookState, reason: record.webhookReason },
    metaUsage: noted === undefined ? null : usageView(noted),
    phoneNumbers,
    held: sum(phoneNumbers),
    activity: sumsOf(spansOf(reads.spans, id), ({ own }) => own),
  };
};

const agentPart = (record: AgentRecord, reads: DashboardReads): Dashboard['agents'][number] => {
  const [credentialId, number] = [credentialIdOf(record), phoneNumberIdOf(record)];
  const credential = reads.credentials.find((it) => it.credentialId === credentialId);
  const answered = number && reads.numbers.get(number);
  const { id, name, connection, dispatch } = agentView(
    record,
    credential,
    answered,
    reads.agentTimes.get(record.agentId),
  );
  return {
    id,
    name,
    credentialId: credentialId ?? null,
    phoneNumberId: number ?? null,
    connection,
    dispatch,
    activity: agentSums(reads.spans, record.agentId),
  };
};

/**
 * Places in line are counted as they are taken and left. Never more than were held since the oldest that can be there still: should a change ever have gone
 * unheard, the count is right again when those of that time have expired.
 */
const heldOf = (id: PhoneNumberId, { numberTimes, spans, now }: DashboardReads): number => {
  const oldest = dayOf(new Date(now.getTime() - heldDays * 24 * 60 * 60 * 1000));
  const since = spans.days.filter(({ span }) => span >= oldest);
  const most = since.reduce((total, { numbers }) => total + (numbers.get(id)?.held ?? 0), 0);
  return Math.min(numberTimes.get(id)?.held ?? 0, most);
};

const sum = (parts: readonly { readonly held: number }[]): number => parts.reduce((total, { held }) => total + held, 0);
