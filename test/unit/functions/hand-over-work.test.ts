import { expect, test } from 'vitest';
import { handOverWork } from '../../../functions/edge/hand-over-work.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { newTicket } from '../../../shared/domain/work.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { ids } from '../../support/records.ts';

const ticket = newTicket({ kind: 'clean-up', tenantId: ids.tenant, credentialId: ids.credential }, new Date());

test('work is queued with its ticket', async () => {
  const sent: object[] = [];
  const send = (message: object) => Promise.resolve(void sent.push(message));
  expect(await handOverWork(ticket, { queues: { send }, journal: recordingJournal() })).toBe(true);
  expect(sent).toEqual([ticket]);
});

test('a queue that fails costs nobody their answer, and is on record', async () => {
  const journal = recordingJournal();
  const send = () => Promise.reject(new Fault('queue-unavailable', { retryable: true }));
  expect(await handOverWork(ticket, { queues: { send }, journal })).toBe(false);
  expect(journal.lines).toMatchObject([
    { level: 'error', event: 'work-not-queued', fields: { code: 'queue-unavailable', kind: 'clean-up' } },
  ]);
});
