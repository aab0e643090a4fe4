import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { DecryptCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SecretPurpose } from '../../shared/contracts/secret-purpose.ts';
import { wrappedKeyOf } from '../../shared/crypto/envelope.ts';
import { contextFor } from '../../shared/crypto/secret-context.ts';
import { AgentHost, saying } from './support/agent-host.ts';
import { newCustomer } from './support/business.ts';
import { type ConversationPartner, newConversationPartner } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { deployedResources, root } from './support/roles.ts';
import { stack } from './support/stack.ts';
import { addAuditRow, rowsOf } from './support/tables.ts';

const repository = resolve(import.meta.dirname, '..', '..');

let host: AgentHost;
let partner: ConversationPartner;
beforeAll(async () => {
  host = await AgentHost.open();
  partner = await newConversationPartner(host, 'examined');
  partner.agent.answer = () => saying('Hello');
  await meta.message({ phoneNumberId: partner.number, from: newCustomer().waId, body: 'Hello?' });
  await eventually(async () => expect(await meta.sent(partner.number)).toHaveLength(1));
});
afterAll(() => host[Symbol.asyncDispose]());

// One after the other: each finds what the ones before have left.
describe('npm run audit', () => {
  test('lists the openings of a credential as the trail and our own lines tell of them, and flags nothing', async () => {
    const { exitCode, printed } = await audit();
    expect(printed).not.toContain('FLAGGED');
    expect(exitCode).toBe(0);
    for (const [purpose, name] of [
      ['webhook-signature', 'ReceiveWebhook'],
      ['graph-api', 'RouteEvent'],
      ['app-access', 'SetUpWebhook'],
    ] as const)
      expect(printed, purpose).toMatch(new RegExp(`Z +${purpose} v1 +allowed +arn:\\S+ +function \\S+${name}`));
    expect(printed).not.toContain('the trail does not know');
  });

  test('flags a Decrypt that somebody makes past our code', async () => {
    await decryptAsRoot('graph-api');
    const { exitCode, printed } = await audit();
    expect(exitCode).toBe(1);
    const flagged = printed.split('\n').filter((line) => line.includes('FLAGGED'));
    expect(flagged).toEqual([expect.stringMatching(/Z +graph-api v1 .*FLAGGED: opened past our code/)]);
    expect(printed).toMatch(/openings, 1 flagged\.$/);
  });

  test('flags a row that is no line of ours', async () => {
    const line = (await rowsOf('Audit')).find(({ pk }) => pk === rowKey());
    if (line === undefined) throw new Error('There is no line to copy.');
    await addAuditRow({ ...line, sk: `${line.sk.slice(0, -4)}FAKE`, action: 'invented' });
    const { exitCode, printed } = await audit();
    expect(exitCode).toBe(1);
    expect(printed).toContain('FLAGGED: rows of the audit table that are no lines of ours: 1.');
  });

  test('says in one sentence what is wrong with the command', async () => {
    const { exitCode, printed } = await audit('--since', 'yesterday');
    expect(exitCode).toBe(2);
    expect(printed).toMatch(/^The time is a duration.*\nUsage: npm run audit/);
  });
});

const rowKey = () => `${partner.api.tenant}#${partner.credential.id}`;

/** As an administrator with rights on the key could: the row out of the Vault, the context out of its columns. */
async function decryptAsRoot(purpose: SecretPurpose): Promise<void> {
  const row = (await rowsOf('Vault')).find(({ pk, sk }) => pk === rowKey() && sk === `${purpose}#1`);
  const [, envelopeKey = ''] =
    [...(await deployedResources())].find(([id]) => id.startsWith('CredentialVaultEnvelopeKey')) ?? [];
  const identity = { tenantId: partner.api.tenant, ownerId: partner.credential.id, purpose, secretVersion: 1 };
  const { Plaintext } = await root.kms.send(
    new DecryptCommand({
      KeyId: envelopeKey,
      CiphertextBlob: wrappedKeyOf(row?.sealed as Uint8Array),
      EncryptionContext: { ...contextFor('Switchboard', identity).encryptionContext },
    }),
  );
  expect(Plaintext?.byteLength).toBe(32);
}

function audit(...more: readonly string[]): Promise<{ readonly exitCode: number; readonly printed: string }> {
  const args = [
    ...[join(repository, 'infra/local/bootstrap.mjs'), 'infra/audit.ts'],
    ...['--tenant', partner.api.tenant, '--credential', partner.credential.id, '--since', '1h'],
    ...['--state-dir', stack.stateDirectory, ...more],
  ];
  return new Promise((ended) => {
    execFile(process.execPath, args, { cwd: repository }, (error, stdout, stderr) =>
      ended({ exitCode: Number(error?.code ?? 0), printed: `${stdout}${stderr}`.trim() }),
    );
  });
}
