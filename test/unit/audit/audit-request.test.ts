import { describe, expect, test } from 'vitest';
import { parseAuditRequest } from '../../../infra/audit/audit-request.ts';
import { Refusal } from '../../../infra/local/refusal.ts';

const now = new Date('2026-11-22T10:00:00Z');
const credential = 'cred_01J0000000000000000000000A';
const parse = (...args: string[]) => parseAuditRequest(args, now);
const good = ['--tenant', 'acme', '--credential', credential, '--since', '24h'];
const without = (name: string) =>
  good.filter((_, index) => index !== good.indexOf(name) && index !== good.indexOf(name) + 1);
const withValue = (name: string, value: string) => good.with(good.indexOf(name) + 1, value);

test('asks for a credential of a tenant, on AWS unless a running copy is named', () => {
  expect(parse(...good)).toEqual({
    tenantId: 'acme',
    credentialId: credential,
    since: new Date('2026-11-21T10:00:00Z'),
    stack: 'Switchboard',
    stateDirectory: undefined,
  });
  expect(parse(...good, '--state-dir', '.local', '--stack', 'Switchboard-dev')).toMatchObject({
    stack: 'Switchboard-dev',
    stateDirectory: '.local',
  });
});

test.each([
  ['30m', '2026-11-22T09:30:00.000Z'],
  ['7d', '2026-11-15T10:00:00.000Z'],
  ['2026-11-20T00:00:00Z', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
])('takes %s for a time', (text, iso) => {
  expect(parse(...withValue('--since', text)).since.toISOString()).toBe(iso);
});

describe('is refused', () => {
  test.each<[string, string[], RegExp]>([
    ['without a tenant', without('--tenant'), /Give the tenant with --tenant/],
    ['without a credential', without('--credential'), /Give the id of the credential/],
    ['without a time', without('--since'), /Give the time with --since/],
    ['for the tenant that means all', withValue('--tenant', 'shared'), /tenant/],
    ['for a tenant with a quote', withValue('--tenant', "a'b"), /tenant/],
    ['for what is no credential', withValue('--credential', "cred_' OR 1=1"), /cred_/],
    ['for a time that is none', withValue('--since', 'yesterday'), /a duration such as/],
    ['for a duration without a unit', withValue('--since', '24x'), /a duration such as/],
    ['for a time ahead', withValue('--since', '2026-11-22T10:00:01Z'), /lies ahead/],
    ['for a stack that cannot be one', [...good, '--stack', 'a b'], /A stack has letters/],
    ['with an option that is not there', [...good, '--all'], /--all/],
  ])('%s, with the usage', (_what, args, reason) => {
    expect(() => parse(...args)).toThrow(Refusal);
    expect(() => parse(...args)).toThrow(reason);
    expect(() => parse(...args)).toThrow(/Usage: npm run audit/);
  });
});
