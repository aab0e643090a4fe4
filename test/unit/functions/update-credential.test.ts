import { describe, expect, test } from 'vitest';
import { updateCredential } from '../../../functions/credentials/update-credential.ts';
import type { Credential } from '../../../shared/contracts/credential.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import type { Edition } from '../../../shared/domain/edition.ts';
import type { Graph } from '../../../shared/domain/graph.ts';
import type { CredentialRecord, Standing, Verdict } from '../../../shared/domain/records.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { goodToken, memoryVault, ok, recordingJournal, refusedBy, scriptedGraph } from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids, releaseWorkOf } from '../../support/records.ts';

const appSecret = '0123456789abcdef0123456789abcdef';
const now = new Date('2026-11-23T08:00:00.000Z');
const reason = {
  code: 'account-disabled',
  title: 'Disabled',
  detail: 'It is',
  guidance: 'Ask',
  since: now.toISOString(),
};
const stop: Standing = { status: 'action_required', isStopped: true, reason };
const warning: Standing = { status: 'degraded', isStopped: false, reason: { ...reason, code: 'account-alert' } };

const graph: Partial<Graph> = {
  inspectToken: () => ok(goodToken),
  readBusinessAccount: () => ok({ name: 'Shop' }),
  listPhoneNumbers: () => ok(credentialRecordOf().phoneNumbers),
};

const updated = async (credential: CredentialRecord, request: object, script: Partial<Graph> = {}) => {
  const saved: Edition[] = [];
  const asked: Pick<Ticket, 'id' | 'work'>[] = [];
  const outcome = await updateCredential({ tenantId: ids.tenant, subject: 'ada' }, ids.credential, request, '"1"', {
    credentials: { find: () => Promise.resolve(credential), findApp: () => Promise.resolve(appRecord()) },
    editions: {
      save: (edition) => Promise.resolve(saved.push(edition) > 0),
      saveApp: () => Promise.reject(new Error('The app stays as it is')),
    },
    sealer: { seal: (identity) => Promise.resolve({ ...identity, sealed: new Uint8Array() }) },
    opener: memoryVault({
      [`shared/app_${ids.app}/app-access/1`]: () => SecretBytes.fromText(`${ids.app}|${appSecret}`),
      [`acme/${ids.credential}/graph-api/1`]: () =>
        packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
    }),
    graph: scriptedGraph({ ...graph, ...script }),
    queues: { send: (ticket) => Promise.resolve(void asked.push(ticket)) },
    audit: { record: () => Promise.resolve() },
    journal: recordingJournal(),
    now: () => now,
  });
  const [edition] = saved;
  const shown = 'kind' in outcome && 'body' in outcome ? (outcome.body as Credential) : undefined;
  return { outcome, edition, shown, asked, kinds: (edition?.tickets ?? []).map(({ work }) => work.kind) };
};

describe('a credential whose account Meta has disabled', () => {
  const disabled = credentialRecordOf({ standing: stop });

  test('goes on with secrets that Meta has just let in: its numbers with it, and what was held is asked for', async () => {
    const { edition, shown, asked } = await updated(disabled, { accessToken: 'EAAnew' });
    expect(edition).toMatchObject({ before: { standing: stop }, after: { standing: null, secretVersion: 2 } });
    expect(shown).toMatchObject({ status: 'connected', reason: null });
    // In the transaction, so that whoever dies after it is found by the sweeper; and at once.
    const release = releaseWorkOf({ phoneNumberIds: [ids.number, ids.otherNumber] });
    expect(edition?.tickets.map(({ work }) => work)).toContainEqual(release);
    expect(asked.map(({ work }) => work)).toContainEqual(release);
    expect(asked.map(({ id }) => id).sort()).toEqual(edition?.tickets.map(({ id }) => id).sort());
  });

  test('goes on with the App Secret that it had, proved once more', async () => {
    const { edition, kinds } = await updated(disabled, { appSecret });
    expect(edition?.after.standing).toBeNull();
    expect(kinds).toContain('release-held');
  });

  test('stays so under another name: nothing was proved', async () => {
    const { edition, shown, kinds } = await updated(disabled, { label: 'Another name' });
    expect(edition?.after).toMatchObject({ label: 'Another name', standing: stop });
    expect(shown).toMatchObject({ status: 'action_required', reason: { code: 'account-disabled' } });
    expect(kinds).toEqual([]);
  });

  test('stays so with secrets that Meta refuses', async () => {
    const { edition, outcome, asked } = await updated(
      disabled,
      { accessToken: 'EAAnew' },
      { readBusinessAccount: () => refusedBy('object-invisible') },
    );
    expect(outcome).toMatchObject({ refused: expect.any(String) });
    expect(edition).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('a credential that a check has proved invalid', () => {
  const verdict: Verdict = { status: 'invalid', reason: { ...reason, code: 'token-revoked' } };

  test.each([null, stop])('goes on with a token that Meta lets in: %j', async (standing) => {
    const { edition, shown, asked } = await updated(credentialRecordOf({ verdict, standing }), {
      accessToken: 'EAAnew',
    });
    expect(edition).toMatchObject({ before: { verdict }, after: { verdict: null, standing: null, secretVersion: 2 } });
    expect(shown).toMatchObject({ status: 'connected', reason: null });
    expect(asked.map(({ work }) => work)).toContainEqual(
      releaseWorkOf({ phoneNumberIds: [ids.number, ids.otherNumber] }),
    );
  });

  test('stays so under another name, and with secrets that Meta refuses', async () => {
    const { edition, shown, kinds } = await updated(credentialRecordOf({ verdict }), { label: 'Another name' });
    expect(edition?.after).toMatchObject({ verdict });
    expect(shown).toMatchObject(verdict);
    expect(kinds).toEqual([]);
    const refused = await updated(
      credentialRecordOf({ verdict }),
      { accessToken: 'EAAnew' },
      { readBusinessAccount: () => refusedBy('object-invisible') },
    );
    expect([refused.edition, refused.asked]).toEqual([undefined, []]);
  });
});

test.each([null, warning])('nothing is asked for where nothing was held: %j', async (standing) => {
  const { edition, kinds } = await updated(credentialRecordOf({ standing }), { accessToken: 'EAAnew' });
  expect(edition?.after.standing).toBeNull();
  expect(kinds).toEqual(['set-up']);
});
