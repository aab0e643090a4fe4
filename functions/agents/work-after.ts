import { type NumberChange, releasedBy } from '../../shared/domain/bindings.ts';
import type { AgentRecord } from '../../shared/domain/records.ts';
import { releaseTicket } from '../../shared/domain/release-tickets.ts';
import { newTicket, type Ticket } from '../../shared/domain/work.ts';

/** What a change of an agent's numbers leaves behind: callbacks at Meta to be set up or cleared, and held events that may go on. */
export const workAfter = (
  { tenantId, agentId }: AgentRecord,
  changes: readonly NumberChange[],
  now: Date,
): readonly Ticket[] => {
  const credentials = new Set(changes.map(({ credential }) => credential.credentialId));
  return [
    ...[...credentials].map((credentialId) =>
      newTicket({ kind: 'set-up', tenantId, credentialId, reclaim: false }, now),
    ),
    ...releasedBy(changes, agentId).map((phoneNumberId) => releaseTicket({ tenantId, phoneNumberId }, now)),
  ];
};
