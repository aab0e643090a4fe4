import { describe, expect, test } from 'vitest';
import type { CredentialId } from '../../../shared/contracts/ids.ts';
import { appSecretProof } from '../../../shared/crypto/appsecret-proof.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts, unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { type Edition, resealCredentials, retireSecret } from '../../../shared/domain/edition.ts';
import type { CredentialRecord, MetaAppRecord } from '../../../shared/domain/records.ts';
import type { Ticket } from '../../../shared/domain/work.ts';
import { memoryVault } from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const appSecret = '0123456789abcdef0123456789abcdef';

const scene = (credentials: readonly CredentialRecord[], options: { timeLeft?: number; saves?: boolean } = {}) => {
  const app = appRecord({ secretVersion: 2, previousSecretVersion: 1 });
  const sealed = new Map<string, readonly string[]>();
  const saved: Edition[] = [];
  const asked: Ticket['work'][] = [];
  const vault = memoryVault({
    [`shared/app_${ids.app}/app-access/2`]: () => SecretBytes.fromText(`${ids.app}|${appSecret}`),
    ...Object.fromEntries(
      credentials.map(({ tenantId, credentialId, secretVersion }) => [
        `${tenantId}/${credentialId}/graph-api/${secretVersion}`,
        () => packParts(SecretBytes.fromText(`token of ${credentialId}`), SecretBytes.fromText('stale')),
      ]),
    ),
  });
  const find = (_tenant: unknown, id: CredentialId) =>
    Promise.resolve(credentials.find(({ credentialId }) => credentialId === id));
  const run = () =>
    resealCredentials(ids.app, {
      credentials: { find, findApp: () => Promise.resolve(app), inUse: () => Promise.resolve(credentials) },
      editions: {
        save: (edition) => {
          saved.push(edition);
          return Promise.resolve(options.saves ?? true);
        },
        saveApp: () => Promise.reject(new Error('The app stays as it is')),
      },
      opener: vault,
      sealer: {
        seal: (identity, plain) => {
          const count = identity.purpose === 'clean-up' ? 3 : 2;
          const texts = unpackParts(plain, count).map((part) => part.revealText());
          sealed.set(`${identity.ownerId}/${identity.purpose}/${identity.secretVersion}`, texts);
          return Promise.resolve({ ...identity, sealed: new Uint8Array() });
        },
      },
      releases: { send: ({ work }) => Promise.resolve(void asked.push(work)) },
      now: () => new Date(),
      timeLeft: () => options.timeLeft ?? 30_000,
    });
  return { run, asked, saved, sealed, vault, app };
};

const first = credentialRecordOf({ secretVersion: 4, proofVersion: 1 });
const second = credentialRecordOf({ credentialId: ids.otherCredential, secretVersion: 7, proofVersion: 1 });

describe('after a new App Secret', () => {
  test('every credential of the app gets a proof and an app token made with it', async () => {
    const { run, saved, sealed, vault } = scene([first, second]);
    expect(await run()).toBe('done');
    for (const [credential, version] of [
      [first, 5],
      [second, 8],
    ] as const) {
      const token = `token of ${credential.credentialId}`;
      using secret = SecretBytes.fromText(appSecret);
      using accessToken = SecretBytes.fromText(token);
      const proof = appSecretProof(secret, accessToken).revealText();
      expect(sealed.get(`${credential.credentialId}/graph-api/${version}`)).toEqual([token, proof]);
      expect(sealed.get(`${credential.credentialId}/clean-up/${version}`)).toEqual([
        token,
        proof,
        `${ids.app}|${appSecret}`,
      ]);
    }
    expect(saved.map(({ after }) => [after.secretVersion, after.proofVersion, after.version])).toEqual([
      [5, 2, 1],
      [8, 2, 1],
    ]);
    expect(saved[0]?.retired.map(({ purpose, secretVersion }) => `${purpose} ${secretVersion}`)).toEqual([
      'graph-api 4',
      'clean-up 4',
    ]);
    for (const secret of vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  });

  test('one that was disabled because of the former App Secret goes on, and what is held is asked for; one with a bad token does not', async () => {
    const reason = { code: 'app-secret-wrong', title: '', detail: '', guidance: '', since: first.createdAt };
    const verdict = { status: 'invalid', reason } as const;
    const bad = { status: 'invalid', reason: { ...reason, code: 'token-revoked' } } as const;
    const { run, saved, asked } = scene([
      { ...first, verdict },
      { ...second, verdict: bad },
    ]);
    expect(await run()).toBe('done');
    expect(saved.map(({ after }) => after.verdict)).toEqual([null, bad]);
    expect(saved.map(({ tickets }) => tickets.map(({ work }) => work))).toEqual([asked, []]);
    expect(asked).toMatchObject([{ kind: 'release-held' }]);
    const overtaken = scene([{ ...first, verdict }], { saves: false });
    await overtaken.run();
    expect(overtaken.asked).toEqual([]);
  });

  test('one that has it is not opened again', async () => {
    const { run, saved, vault } = scene([{ ...first, proofVersion: 2 }]);
    expect(await run()).toBe('done');
    expect(saved).toEqual([]);
    expect(vault.opened).toEqual([]);
  });

  test('one that is being removed is left alone', async () => {
    const { run, vault } = scene([{ ...first, status: 'removing' }]);
    expect(await run()).toBe('done');
    expect(vault.opened).toEqual([]);
  });

  test('one that changed meanwhile is taken up again', async () => {
    expect(await scene([first], { saves: false }).run()).toEqual({ outcome: 'later' });
  });

  test('one that keeps changing does not keep its neighbours waiting', async () => {
    const { run, saved } = scene([first, second], { saves: false });
    await run();
    expect(saved.map(({ after }) => after.credentialId)).toEqual([first.credentialId, second.credentialId]);
  });

  test('what does not fit into one invocation goes on in the next', async () => {
    const { run, saved } = scene([first, second], { timeLeft: 4_000 });
    expect(await run()).toBe('again');
    expect(saved).toEqual([]);
  });
});

describe('a former App Secret', () => {
  const app = appRecord({
    secretVersion: 3,
    previousSecretVersion: 2,
    previousAcceptedUntil: '2026-11-29T10:00:00.000Z',
  });
  const retire = async (secretVersion: number, at: string, record: MetaAppRecord | undefined = app) => {
    const shredded: string[] = [];
    const outcome = await retireSecret(
      { appId: ids.app, secretVersion },
      {
        credentials: {
          find: () => Promise.resolve(undefined),
          findApp: () => Promise.resolve(record),
          inUse: () => Promise.resolve([]),
        },
        editions: {
          save: () => Promise.reject(new Error('No credential changes')),
          saveApp: (change, retired) => {
            expect(change.after.previousSecretVersion).toBeNull();
            shredded.push(...retired.map((it) => `${it.purpose} ${it.secretVersion}`));
            return Promise.resolve(true);
          },
        },
        now: () => new Date(at),
      },
    );
    return { outcome, shredded };
  };

  test('is shredded when it is accepted no more', async () => {
    expect(await retire(2, '2026-11-29T10:00:00.000Z')).toEqual({ outcome: 'done', shredded: ['webhook-signature 2'] });
  });

  test('stays until then', async () => {
    expect(await retire(2, '2026-11-29T09:59:59.999Z')).toEqual({
      outcome: { outcome: 'later', deadline: new Date('2026-11-29T10:00:00.000Z') },
      shredded: [],
    });
  });

  test('that another rotation has retired already is done with', async () => {
    expect(await retire(1, '2026-11-30T10:00:00.000Z')).toEqual({ outcome: 'done', shredded: [] });
  });
});
