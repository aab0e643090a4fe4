import { expect, test } from 'vitest';
import { requestSetUp } from '../../../functions/edge/request-set-up.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

test('a set-up is asked for by tenant and credential alone', async () => {
  const requests: object[] = [];
  const request = (wanted: object) => Promise.resolve(void requests.push(wanted));
  expect(await requestSetUp(credentialRecordOf(), { setUpQueue: { request }, journal: recordingJournal() })).toBe(true);
  expect(requests).toEqual([{ tenantId: ids.tenant, credentialId: ids.credential }]);
});

test('a queue that fails costs nobody their answer, and is on record', async () => {
  const journal = recordingJournal();
  const request = () => Promise.reject(new Fault('queue-unavailable', { retryable: true }));
  expect(await requestSetUp(credentialRecordOf(), { setUpQueue: { request }, journal })).toBe(false);
  expect(journal.lines).toMatchObject([
    { level: 'error', event: 'set-up-not-queued', fields: { code: 'queue-unavailable' } },
  ]);
});
