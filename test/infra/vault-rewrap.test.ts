import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { accessOf, statementsOf } from '../../infra/access-matrix.ts';
import { SettingsRefused, settingsOf } from '../../infra/stage.ts';
import { nameOf, type Resource, resourcesOf, templateOf } from '../support/templates.ts';

const [current, former] = ['CredentialVaultEnvelopeKey2', 'CredentialVaultEnvelopeKey'];
const first = templateOf('prod');
const second = templateOf('prod', { envelopeKeyGeneration: 2 });

const keysOf = (template: Template) =>
  Object.fromEntries(
    Object.entries(resourcesOf(template, 'AWS::KMS::Key')).map(([id, key]) => [nameOf({ Ref: id }), { id, key }]),
  );
/** Action on a key → who may, each with the condition. */
const usersOf = (template: Template, key: string) =>
  Object.groupBy(
    accessOf(template).filter(({ resource }) => resource === key),
    ({ action }) => action,
  );
const namesOf = (users: readonly { readonly function: string }[] = []) => users.map((it) => it.function).sort();
const variablesOf = ({ Properties }: Resource) =>
  (Properties.Environment as { Variables: Record<string, unknown> }).Variables;
const functionOf = (template: Template, name: string) => {
  const found = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(([id]) => id.includes(name));
  if (found === undefined) throw new Error(`There is no ${name}`);
  return found[1];
};

describe('the re-wrap', () => {
  const access = (template: Template) =>
    accessOf(template)
      .filter((it) => it.function === 'RewrapVault' && !/^(logs|xray):/.test(it.action))
      .map(({ action, resource, condition }) => ({ action, resource, condition }));
  const ofThisVault = { StringEquals: { 'kms:EncryptionContext:vault': 'Switchboard' } };
  const throughDynamoDb = {
    StringEquals: { 'kms:ViaService': { 'Fn::Join': ['', ['dynamodb.', { Ref: 'AWS::Region' }, '.amazonaws.com']] } },
  };
  const onTables = [
    { action: 'dynamodb:Scan', resource: 'CredentialVaultSecretsTable', condition: {} },
    { action: 'dynamodb:UpdateItem', resource: 'CredentialVaultSecretsTable', condition: {} },
    { action: 'kms:Decrypt', resource: 'DataKey', condition: throughDynamoDb },
    { action: 'kms:GenerateDataKey', resource: 'DataKey', condition: throughDynamoDb },
  ];
  const sorted = <T extends { action: string; resource: string }>(list: readonly T[]) =>
    [...list].sort((a, b) => `${a.action}${a.resource}`.localeCompare(`${b.action}${b.resource}`));

  it('may scan and update the Vault and re-wrap under its key, and nothing else', () => {
    expect(sorted(access(first))).toEqual(
      sorted([
        ...onTables,
        { action: 'kms:ReEncryptFrom', resource: former, condition: ofThisVault },
        { action: 'kms:ReEncryptTo', resource: former, condition: ofThisVault },
      ]),
    );
  });

  it('may move from both keys, and to the current one alone', () => {
    expect(sorted(access(second))).toEqual(
      sorted([
        ...onTables,
        { action: 'kms:ReEncryptFrom', resource: former, condition: ofThisVault },
        { action: 'kms:ReEncryptFrom', resource: current, condition: ofThisVault },
        { action: 'kms:ReEncryptTo', resource: current, condition: ofThisVault },
      ]),
    );
  });

  it.each([
    ['the first', first],
    ['a later', second],
  ])('can neither open nor seal a secret in %s generation', (_which, template) => {
    const onEnvelopeKeys = access(template).filter(({ resource }) => resource.includes('EnvelopeKey'));
    expect(onEnvelopeKeys.filter(({ action }) => !action.startsWith('kms:ReEncrypt'))).toEqual([]);
  });

  it('is invoked by nobody but an operator: no permission, no event source names it', () => {
    const [id] =
      Object.entries(resourcesOf(first, 'AWS::Lambda::Function')).find(([it]) => it.includes('RewrapVault')) ?? [];
    for (const type of ['AWS::Lambda::Permission', 'AWS::Lambda::EventSourceMapping', 'AWS::Scheduler::Schedule'])
      expect(JSON.stringify(resourcesOf(first, type)), type).not.toContain(id);
  });
});

describe('a generation of keys', () => {
  it('has one key at first, whose logical id is as ever, and no former one', () => {
    expect(Object.keys(keysOf(first)).sort()).toEqual([former, 'DataKey']);
    for (const it of Object.values(resourcesOf(first, 'AWS::Lambda::Function')))
      expect(variablesOf(it)).not.toHaveProperty('FORMER_ENVELOPE_KEY_ARNS');
  });

  it('adds a key and keeps the one before it as it is, policy and all', () => {
    const [before, after] = [keysOf(first)[former], keysOf(second)];
    expect(Object.keys(after).sort()).toEqual([former, current, 'DataKey'].sort());
    expect(after[former]).toEqual(before);
    expect(after[current]?.key).toEqual(before?.key);
  });

  it('above the second keeps the key before it alone', () => {
    expect(Object.keys(keysOf(templateOf('prod', { envelopeKeyGeneration: 3 }))).sort()).toEqual(
      [current, 'CredentialVaultEnvelopeKey3', 'DataKey'].sort(),
    );
  });

  it('seals under the new key alone, and opens under both, for whom and what it was before', () => {
    const { 'kms:Decrypt': opensBefore, 'kms:GenerateDataKey': sealsBefore } = usersOf(first, former);
    const [ofCurrent, ofFormer] = [usersOf(second, current), usersOf(second, former)];
    expect(namesOf(ofCurrent['kms:GenerateDataKey'])).toEqual(namesOf(sealsBefore));
    expect(Object.keys(ofFormer).sort()).toEqual(['kms:Decrypt', 'kms:ReEncryptFrom']);
    for (const users of [ofCurrent['kms:Decrypt'], ofFormer['kms:Decrypt']])
      expect(users?.map((it) => ({ ...it, resource: former }))).toEqual(opensBefore);
  });

  it('tells those who open or move both keys', () => {
    const arnOf = (key: string) => ({ 'Fn::GetAtt': [keysOf(second)[key]?.id, 'Arn'] });
    for (const name of ['RouteEventFunction', 'RewrapVaultFunction'])
      expect(variablesOf(functionOf(second, name)), name).toMatchObject({
        ENVELOPE_KEY_ARN: arnOf(current),
        FORMER_ENVELOPE_KEY_ARNS: arnOf(former),
      });
  });

  it('has the same refusal in the policy of each key', () => {
    for (const key of [current, former])
      expect(statementsOf(keysOf(second)[key]?.key.Properties.KeyPolicy)).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Sid: 'NothingWithoutTheNameOfThisVault' }),
      );
  });

  it('keeps every key when the stack goes', () => {
    for (const { key } of Object.values(keysOf(second))) expect(key.DeletionPolicy).toBe('Retain');
  });

  it.each([0, -1, 1.5, '2'])('is refused as %s', (envelopeKeyGeneration) => {
    expect(() => settingsOf('prod', { envelopeKeyGeneration })).toThrow(SettingsRefused);
  });

  it('is refused above 1 locally, where nothing could move the secrets', () => {
    expect(() => settingsOf('local', { envelopeKeyGeneration: 2 })).toThrow(/the emulator cannot move secrets/);
  });
});
