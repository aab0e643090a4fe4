import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { stopOf } from '../../../shared/domain/account-standing.ts';
import { identitiesOfApp, identitiesOfCredential } from '../../../shared/domain/credential-secrets.ts';
import {
  agentRecord,
  type CredentialRecord,
  countedNumber,
  credentialRecord,
  metaAppRecord,
} from '../../../shared/domain/records.ts';
import { ownerOfApp } from '../../../shared/domain/vault.ts';
import type { Row, RunningProcess, Snapshot } from './deployment.ts';
import type { MetaState } from './simulated-meta.ts';

/** What differs from run to run although nothing went wrong: times, random bytes, counts of writes. */
const incidental = new Set(['salt', 'revision', 'createdWith', 'sealed']);

/**
 * A state without what is incidental, so that two runs can be compared: ids that were made in the run get names by what they are
 * for, and verify tokens count as there or not. What repeated requests are answered is not compared.
 */
export function comparable(state: Snapshot, before: Snapshot) {
  const known = JSON.stringify(before);
  const names = new Map<string, string>();
  const nameOf = (id: string, name: string) => {
    if (!known.includes(id)) names.set(id, name);
  };
  for (const row of state.directory) {
    if (row.sk === 'WEBHOOK' && row.expiresAt !== undefined) {
      nameOf(String(row.webhookId), `closed webhook of ${String(row.tenantId ?? row.appId)}`);
      nameOf(String(row.credentialId), `former credential of ${String(row.tenantId)}`);
    }
    if (row.sk === 'APP') nameOf(String(row.webhookId), `webhook of app ${String(row.appId)}`);
    if (!row.sk.startsWith('CRED#')) continue;
    nameOf(String(row.credentialId), `credential ${String(row.tenantId)} ${String(row.label)}`);
    nameOf(String(row.webhookId), `webhook of ${String(row.tenantId)} ${String(row.label)}`);
  }
  const named = (text: string): string => {
    let result = text;
    for (const [id, name] of names) result = result.replaceAll(id, name);
    return result;
  };
  const comparableValue = (key: string, value: unknown): unknown => {
    if (incidental.has(key) || key.startsWith('target:')) return 'there';
    if (/(At|Until)$/.test(key)) return value === null ? null : 'a time';
    return value;
  };
  /** Where a credential stands in the line of checks is a matter of its id and of the time. */
  const inLine = ({ pk, sk, ...row }: Row): Row =>
    pk.startsWith('DUE#') ? { ...row, pk: 'DUE', sk: sk.slice(sk.indexOf('#')) } : { ...row, pk, sk };
  const rows = (of: readonly Row[]) =>
    of
      .filter(({ pk }) => !pk.startsWith('IDEMPOTENCY#'))
      .map((row) =>
        Object.fromEntries(
          Object.entries(inLine(row))
            .sort(byName)
            .map(([key, value]) => [key, comparableValue(key, value)]),
        ),
      )
      .map((row) => named(JSON.stringify(row, withoutTimes)))
      .sort();
  const { appSubscriptions, wabaSubscriptions, phoneOverrides } = state.meta;
  return {
    directory: rows(state.directory),
    vault: rows(state.vault),
    meta: [...appSubscriptions, ...wabaSubscriptions, ...phoneOverrides]
      .map((found) =>
        named(JSON.stringify({ ...found, verifyToken: found.verifyToken === undefined ? 'none' : 'there' })),
      )
      .sort(),
  };
}

/** Why something is as it is says since when, wherever it stands in a row. */
const withoutTimes = (key: string, value: unknown): unknown => (key === 'since' ? 'a time' : value);

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

/** What holds when nobody is at work: every count is right, every secret opens, Meta has all that is wanted and nothing else of ours. */
export async function expectAllInOrder(state: Snapshot, process: RunningProcess): Promise<void> {
  const rowsLike = (matches: (row: Row) => boolean) => state.directory.filter(matches);
  const credentials = rowsLike(({ sk }) => sk.startsWith('CRED#')).map((row) => credentialRecord.parse(row));
  const agents = rowsLike(({ sk }) => sk.startsWith('AGENT#')).map((row) => agentRecord.parse(row));
  const apps = rowsLike(({ sk }) => sk === 'APP').map((row) => metaAppRecord.parse(row));
  const numbers = rowsLike(({ sk }) => sk === 'NUMBER').map((row) => countedNumber.parse(row));

  expect(rowsLike(({ pk }) => pk === 'WORK')).toEqual([]);
  // Each credential stands in the line of checks, and once. One that has gone leaves it when its time comes.
  const inLine = rowsLike(({ pk }) => pk.startsWith('DUE#')).map(({ credentialId }) => credentialId);
  const ids = credentials.map(({ credentialId }) => credentialId);
  expect(inLine.filter((id) => ids.some((it) => it === id)).sort()).toEqual(ids.sort());
  expect(credentials.filter(({ status }) => status === 'removing')).toEqual([]);
  for (const app of apps)
    expect(app.credentialCount).toBe(credentials.filter(({ appId }) => appId === app.appId).length);
  for (const tenant of rowsLike(({ sk }) => sk === 'TENANT'))
    expect(tenant.credentialCount ?? 0).toBe(credentials.filter(({ tenantId }) => tenantId === tenant.tenantId).length);
  for (const number of numbers) {
    const owner = credentials.find(({ credentialId }) => credentialId === number.credentialId);
    expect(number).toMatchObject({ tenantId: owner?.tenantId, secretVersion: owner?.secretVersion });
    // Whatever holds its events is what its user is shown.
    expect(number.stopped).toEqual(owner === undefined ? null : stopOf(owner));
  }
  expect(numbers.map(({ phoneNumberId }) => phoneNumberId).sort()).toEqual(
    credentials.flatMap(({ claimedNumbers }) => Object.keys(claimedNumbers)).sort(),
  );

  // The Vault holds the editions that are in force, and nothing else.
  const inForce = [
    ...credentials.flatMap((credential) => {
      const { graphApi, cleanUp, formerCallback } = identitiesOfCredential(credential);
      const { formerCallbackVersion: version } = credential;
      return [graphApi, cleanUp, ...(version === null ? [] : [{ ...formerCallback, secretVersion: version }])];
    }),
    ...agents.map(
      ({ tenantId, agentId, secretVersion }) =>
        ({ tenantId, ownerId: agentId, purpose: 'agent-signature', secretVersion }) as const,
    ),
    ...apps.flatMap((app) => {
      const { signature, access } = identitiesOfApp(app);
      const { previousSecretVersion: previous } = app;
      return [signature, access, ...(previous === null ? [] : [{ ...signature, secretVersion: previous }])];
    }),
  ];
  expect(state.vault.map(({ pk, sk }) => `${pk} ${sk}`).sort()).toEqual(
    inForce
      .map(({ tenantId, ownerId, purpose, secretVersion }) => `${tenantId}#${ownerId} ${purpose}#${secretVersion}`)
      .sort(),
  );
  for (const credential of credentials) await expectSecretsOf(credential, state.meta, process);
  for (const app of apps) {
    const secret = state.meta.apps.find(({ id }) => id === app.appId)?.secret ?? '';
    const openedFor = { tenantId: 'shared', subjectId: ownerOfApp(app.appId) };
    using signature = await process.ports.opener.open(identitiesOfApp(app).signature, openedFor);
    using access = await process.ports.opener.open(identitiesOfApp(app).access, openedFor);
    expect([signature.revealText(), access.revealText()]).toEqual([secret, `${app.appId}|${secret}`]);
  }
  for (const credential of credentials) expectSetUpAtMeta(credential, state.meta);
  expectNothingOrphanedAtMeta(state, credentials);
}

/** Meta delivers what the credential is for: the app, the account, and each claimed number to the credential's own webhook. */
function expectSetUpAtMeta(credential: CredentialRecord, meta: MetaState): void {
  const { appId, wabaId, claimedNumbers, webhookId } = credential;
  expect(credential).toMatchObject({ status: 'connected', webhookState: 'configured' });
  expect(meta.appSubscriptions.map((subscription) => subscription.appId)).toContain(appId);
  expect(meta.wabaSubscriptions.map((subscription) => `${subscription.appId} ${subscription.wabaId}`)).toContain(
    `${appId} ${wabaId}`,
  );
  for (const number of Object.keys(claimedNumbers))
    expect(
      meta.phoneOverrides
        .filter(({ phoneNumberId }) => phoneNumberId === number)
        .map(({ overrideCallbackUri }) => overrideCallbackUri.split('/').at(-1)),
    ).toEqual([webhookId]);
}

/** They open, and they are what Meta takes: its token, its App Secret, and the proof of both. */
async function expectSecretsOf(
  credential: CredentialRecord,
  meta: MetaState,
  { ports }: RunningProcess,
): Promise<void> {
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  const { graphApi, cleanUp } = identitiesOfCredential(credential);
  using forGraph = await ports.opener.open(graphApi, openedFor);
  using forCleanUp = await ports.opener.open(cleanUp, openedFor);
  const texts = [...unpackParts(forGraph, 2), ...unpackParts(forCleanUp, 3)].map((part) => part.revealText());
  const token = texts[0] ?? '';
  const appSecret = meta.apps.find(({ id }) => id === credential.appId)?.secret ?? '';
  const proof = createHmac('sha256', appSecret).update(token).digest('hex');
  expect(texts).toEqual([token, proof, token, proof, `${credential.appId}|${appSecret}`]);
  expect(token.slice(-4)).toBe(credential.accessTokenLastFour);
  expect(meta.tokens.map(({ value }) => value)).toContain(token);
}

/** Each callback of ours has its credential or app, and each subscription of the app an account that somebody connects. */
function expectNothingOrphanedAtMeta({ directory, meta }: Snapshot, credentials: readonly CredentialRecord[]): void {
  const wanted = new Set(directory.filter(({ sk }) => sk === 'APP').map(({ webhookId }) => String(webhookId)));
  for (const { claimedNumbers, webhookId } of credentials)
    if (Object.keys(claimedNumbers).length > 0) wanted.add(webhookId);
  const callbacks = [
    ...meta.appSubscriptions.map(({ callbackUrl }) => callbackUrl),
    ...meta.phoneOverrides.map(({ overrideCallbackUri }) => overrideCallbackUri),
  ];
  expect(callbacks.filter((url) => url.includes('/webhooks/') && !wanted.has(url.split('/').at(-1) ?? ''))).toEqual([]);
  for (const { appId, wabaId } of meta.wabaSubscriptions)
    expect(credentials.filter((credential) => credential.appId === appId && credential.wabaId === wabaId)).not.toEqual(
      [],
    );
}
