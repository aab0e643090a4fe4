import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, test } from 'vitest';
import { auditLog } from '../../shared/adapters/audit-log.ts';
import { credentialReader, webhookStateRecorder } from '../../shared/adapters/credential-store.ts';
import { directoryKey } from '../../shared/adapters/directory-keys.ts';
import { doubtStore } from '../../shared/adapters/doubt-store.ts';
import { editionStore } from '../../shared/adapters/edition-store.ts';
import { ticketStore } from '../../shared/adapters/ticket-store.ts';
import { verdictStore } from '../../shared/adapters/verdict-store.ts';
import { afterNews } from '../../shared/domain/account-standing.ts';
import { newHealth } from '../../shared/domain/examine-credential.ts';
import type { CredentialRecord, MetaAppRecord, NumberRecord, Verdict } from '../../shared/domain/records.ts';
import { afterCheck, afterRefusal } from '../../shared/domain/sending-doubt.ts';
import { newTicket } from '../../shared/domain/work.ts';
import { appRecord, credentialRecordOf, ids, numberRecordOf, releaseWorkOf } from '../support/records.ts';
import { dynamoDbOf, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const now = new Date();
const since = now.toISOString();
const ticket = newTicket(releaseWorkOf(), now);
const verdict: Verdict = {
  status: 'invalid',
  reason: { code: 'token-revoked', title: 'Invalid', detail: 'It is', guidance: 'Renew it', since },
};
const refused = { kind: 'refused', refusal: 'token-invalid', code: 190 } as const;
const ban = (state: string, at: number) => ({
  field: 'account_update',
  value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: state } },
  at,
});

/** Two numbers, of which somebody else has the second by now. */
const claimed = { agentIds: [ids.agent], forward: ['message' as const] };
const claimedNumbers = { [ids.number]: claimed, [ids.otherNumber]: claimed };

const scene = async (engine: (typeof engineNames)[number], credential: Partial<CredentialRecord> = {}) => {
  const client = dynamoDbOf(engine);
  const [directory, vault, auditTable] = await Promise.all([makeTable(engine), makeTable(engine), makeTable(engine)]);
  const put = (Item: object) => client.send(new PutCommand({ TableName: directory, Item }));
  const putNumber = (number: NumberRecord, leftOut: readonly (keyof NumberRecord)[] = []) => {
    const kept = Object.entries(number).filter(([name]) => !leftOut.some((it) => it === name));
    return put({ ...Object.fromEntries(kept), revision: 1, ...directoryKey.number(number.phoneNumberId) });
  };
  const { verdict: _, ...former } = credentialRecordOf({ claimedNumbers, ...credential });
  // As it was written before verdicts were kept.
  await put({ ...former, ...directoryKey.credential(ids.tenant, ids.credential) });
  await put({ ...appRecord(), ...directoryKey.app(ids.app) });
  await putNumber(numberRecordOf(), ['doubt', 'stopped']);
  await putNumber(numberRecordOf({ phoneNumberId: ids.otherNumber, credentialId: ids.otherCredential }));
  const audit = auditLog(client, auditTable, () => ({ kind: 'function', id: 'CheckCredential', requestId: 'none' }));
  const credentials = credentialReader(client, directory);
  const known = async () => {
    const found = await credentials.find(ids.tenant, ids.credential);
    const app = await credentials.findApp(ids.app);
    const number = await credentials.findNumber(ids.number);
    if (found === undefined || app === undefined || number === undefined) throw new Error('They are there');
    return { credential: found, app, number };
  };
  return {
    known,
    putNumber,
    other: () => credentials.findNumber(ids.otherNumber),
    tickets: ticketStore(client, directory),
    doubts: doubtStore(client, directory),
    disable: (before: CredentialRecord, app: MetaAppRecord) =>
      verdictStore(client, directory, audit.put).record({
        before,
        after: { ...before, verdict },
        app,
        health: newHealth(before, now),
        appointed: null,
        tickets: [],
      }),
    news: webhookStateRecorder(client, directory),
    editions: editionStore(client, { directory, vault }, audit.put),
    audits: () => rowsOf(engine, auditTable),
  };
};

const doubted = (number: NumberRecord) => {
  const doubt = afterRefusal(number, refused, now);
  if (doubt === undefined) throw new Error('It casts no doubt');
  return doubt;
};

describe.each(engineNames)('on %s', (engine) => {
  test('a doubt and the ticket of its check are written all or nothing, and by one of two alone', async () => {
    const it = await scene(engine);
    const { number } = await it.known();
    const doubt = doubted(number);
    expect(await it.doubts.change(number, doubt, [ticket])).toBe(true);
    expect(await it.tickets.find(ticket.id)).toMatchObject({ work: ticket.work });
    const another = newTicket(releaseWorkOf(), now);
    expect(await it.doubts.change(number, doubt, [another])).toBe(false);
    expect(await it.tickets.find(another.id)).toBeUndefined();

    const { number: paused } = await it.known();
    expect(paused.doubt).toEqual(doubt);
    expect(await it.doubts.change(paused, afterCheck(doubt, null, now), [])).toBe(true);
    expect((await it.known()).number.doubt).toEqual(afterCheck(doubt, null, now));
  });

  test.each<[string, Partial<NumberRecord>]>([
    ['has other secrets', { secretVersion: 2 }],
    ['belongs to another credential', { credentialId: ids.otherCredential }],
    ['belongs to another tenant', { tenantId: 'globex' as NumberRecord['tenantId'] }],
  ])('nothing is doubted of a number that %s by now', async (_what, change) => {
    const it = await scene(engine);
    const { number } = await it.known();
    await it.putNumber(numberRecordOf(change));
    expect(await it.doubts.change(number, doubted(number), [ticket])).toBe(false);
    expect(await it.tickets.find(ticket.id)).toBeUndefined();
    expect((await it.known()).number.doubt).toBeNull();
  });

  test('a verdict stops the credential’s own numbers, ends their pause and stands in its audit', async () => {
    const it = await scene(engine);
    const { number } = await it.known();
    await it.doubts.change(number, doubted(number), []);
    const { credential, app } = await it.known();
    expect(await it.disable(credential, app)).toBe('recorded');
    expect(await it.known()).toMatchObject({
      credential: { verdict },
      number: { stopped: { code: 'token-revoked', since }, doubt: null },
    });
    expect((await it.other())?.stopped).toBeNull();
    expect(await it.audits()).toMatchObject([
      { action: 'disable', about: ['token-revoked'], actor: 'CheckCredential' },
    ]);
    // Once.
    expect(await it.disable(credential, app)).toBe('overtaken');
    expect(await it.audits()).toHaveLength(1);
  });

  test.each<[string, (credential: CredentialRecord, app: MetaAppRecord) => [CredentialRecord, MetaAppRecord]]>([
    ['other secrets', (credential, app) => [{ ...credential, secretVersion: 7 }, app]],
    ['another App Secret', (credential, app) => [credential, { ...app, secretVersion: 7 }]],
    ['other numbers', (credential, app) => [{ ...credential, claimedNumbers: {} }, app]],
  ])('a verdict on %s than those in force disables nothing', async (_what, asRead) => {
    const it = await scene(engine);
    const { credential, app } = await it.known();
    expect(await it.disable(...asRead(credential, app))).toBe('overtaken');
    expect(await it.known()).toMatchObject({ credential: { verdict: null }, number: { stopped: null } });
    expect(await it.audits()).toEqual([]);
  });

  test('a verdict on what is being removed disables nothing', async () => {
    const it = await scene(engine, { status: 'removing' });
    const { credential, app } = await it.known();
    expect(await it.disable(credential, app)).toBe('overtaken');
  });

  test('news of the account lift no verdict, whichever came first, and are judged anew when one came in between', async () => {
    const it = await scene(engine);
    const { credential: running, app } = await it.known();
    const disabled = afterNews(running, ban('DISABLE', 1), now);
    expect(await it.news.recordStanding(running, disabled, [])).toBe(true);
    const { credential: stopped } = await it.known();
    expect(await it.disable(stopped, app)).toBe('recorded');

    const reinstated = afterNews(stopped, ban('REINSTATE', 2), now);
    expect(await it.news.recordStanding(stopped, reinstated, [ticket])).toBe(false);
    expect(await it.tickets.find(ticket.id)).toBeUndefined();
    const { credential: both } = await it.known();
    expect(await it.news.recordStanding(both, afterNews(both, ban('REINSTATE', 2), now), [])).toBe(true);
    expect(await it.known()).toMatchObject({
      credential: { standing: null, verdict },
      number: { stopped: { code: 'token-revoked' } },
    });
  });

  test('a new edition takes verdict, stop and doubt away, and is refused to whoever has not seen the verdict', async () => {
    const it = await scene(engine);
    const { credential: before, app, number } = await it.known();
    const edition = (credential: CredentialRecord) => ({
      before: credential,
      after: {
        ...credential,
        version: credential.version + 1,
        secretVersion: credential.secretVersion + 1,
        verdict: null,
      },
      app: { before: app, after: app },
      sealed: [],
      retired: [],
      tickets: [],
      audit: [],
    });
    await it.doubts.change(number, doubted(number), []);
    expect(await it.disable(before, app)).toBe('recorded');
    expect(await it.editions.save(edition(before))).toBe(false);
    const { credential: seen } = await it.known();
    expect(await it.editions.save(edition(seen))).toBe(true);
    expect(await it.known()).toMatchObject({
      credential: { verdict: null, secretVersion: 2 },
      number: { stopped: null, doubt: null, secretVersion: 2 },
    });
    // What the former edition was asked about disables it no more.
    expect(await it.disable(before, app)).toBe('overtaken');
  });

  test('a new edition ends the pause that the former one has brought about', async () => {
    const it = await scene(engine);
    const { credential, app, number } = await it.known();
    await it.doubts.change(number, doubted(number), []);
    const after = { ...credential, version: 2, secretVersion: 2 };
    const parts = { sealed: [], retired: [], tickets: [], audit: [] };
    expect(await it.editions.save({ before: credential, after, app: { before: app, after: app }, ...parts })).toBe(
      true,
    );
    expect((await it.known()).number.doubt).toBeNull();
  });
});
