import { credentialChangeOf } from '../../shared/adapters/credential-changes.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import { type TellPorts, tellOfChange } from '../../shared/domain/tell-of-change.ts';
import type { WorkQueues } from '../../shared/domain/work.ts';
import { setting } from '../edge/environment.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal, safeError } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { streamLambda } from '../edge/stream-lambda.ts';

export interface WatchCredentialsPorts extends TellPorts {
  readonly queues: WorkQueues;
  readonly journal: Journal;
}

/**
 * Has everybody told who is to be told of the changes of credentials, each once. A row that nobody can read rings for the operator and keeps no
 * other waiting: a repeat would not make it readable. @throws {Fault} store-unavailable
 */
export const watchCredentials = async (records: readonly unknown[], ports: WatchCredentialsPorts): Promise<void> => {
  for (const record of records) {
    const change = changeIn(record, ports.journal);
    if (change === undefined) continue;
    for (const ticket of await tellOfChange(change, ports)) await handOverWork(ticket, ports);
  }
};

const changeIn = (record: unknown, journal: Journal) => {
  try {
    return credentialChangeOf(record);
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'row-malformed')) throw error;
    journal.error('change-unreadable', safeError(error));
    journal.count('ChangesUnheard');
    return undefined;
  }
};

export const handler = streamLambda((records) =>
  watchCredentials(records, {
    outbox: ports.alertOutbox(),
    queues: ports.workQueues(),
    journal,
    consoleUrl: setting(environmentName.consoleUrl),
    now: () => new Date(),
  }),
);
