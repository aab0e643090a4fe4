import { alertsOf, type CredentialChange, verdictChangeOf } from './alert.ts';
import { Fault } from './fault.ts';
import type { VerdictChange } from './verdict-history.ts';
import { newTicket, type Ticket } from './work.ts';

export interface AlertOutbox {
  /**
   * The change of what is shown, if it is one, and the tickets of those who are told: all of it or nothing. `known`: this change was
   * written before; `again`: another transaction got in between. @throws {Fault} store-unavailable
   */
  write(entry: {
    readonly change: CredentialChange;
    readonly verdict: VerdictChange | undefined;
    readonly tickets: readonly Ticket[];
  }): Promise<'written' | 'known' | 'again'>;
}

export interface TellPorts {
  readonly outbox: AlertOutbox;
  readonly consoleUrl: string;
  readonly now: () => Date;
}

/**
 * Writes down what a change of a credential means to those who are told of it, once however often it is heard of.
 * @returns the tickets of the alerts, for whoever queues them @throws {Fault} store-unavailable
 */
export const tellOfChange = async (change: CredentialChange, ports: TellPorts): Promise<readonly Ticket[]> => {
  const verdict = verdictChangeOf(change);
  const tickets = alertsOf(change, ports.consoleUrl).map(({ audience, alert }) =>
    newTicket({ kind: 'publish-alert', tenantId: change.after.tenantId, audience, alert }, ports.now()),
  );
  if (verdict === undefined && tickets.length === 0) return [];
  switch (await ports.outbox.write({ change, verdict, tickets })) {
    case 'written':
      return tickets;
    case 'known':
      return [];
    case 'again':
      throw new Fault('store-unavailable', { retryable: true });
  }
};
