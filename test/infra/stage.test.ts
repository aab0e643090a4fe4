import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withSettingsTable } from '../../infra/settings-table.ts';
import { describeSettings, SettingsRefused, settingsFromContext, settingsOf } from '../../infra/stage.ts';

const ownIssuer = { issuer: 'https://login.example.com', audience: 'switchboard' };

describe('the settings', () => {
  it('need nothing: without stage and overlay they are those of prod', () => {
    expect(settingsFromContext(() => undefined)).toMatchObject({
      stage: 'prod',
      graphApiUrl: 'https://graph.facebook.com',
      graphApiVersion: 'v25.0',
      tenantClaim: 'tenant',
      queueVisibilitySeconds: 180,
      removalProtection: true,
      trail: { mode: 'create' },
    });
  });

  it('lay the overlay over the stage, and the stage over the schema', () => {
    expect(settingsOf('dev').logRetentionDays).toBe(14);
    expect(settingsOf('dev', { logRetentionDays: 30 }).logRetentionDays).toBe(30);
    expect(settingsOf('prod').logRetentionDays).toBe(90);
  });

  it('take the overlay as text, as the command line gives it, and as an object, as cdk.context.json does', () => {
    const overlay = { operatorGroup: 'admins' };
    for (const settings of [overlay, JSON.stringify(overlay)])
      expect(settingsFromContext((key) => ({ settings })[key]).operatorGroup).toBe('admins');
  });

  it('find the tenant in `tenant` with the built-in pool and locally, in `sub` with an issuer of one’s own', () => {
    expect(settingsOf('prod').tenantClaim).toBe('tenant');
    expect(settingsOf('prod', ownIssuer).tenantClaim).toBe('sub');
    expect(settingsOf('prod', { ...ownIssuer, tenantClaim: 'org' }).tenantClaim).toBe('org');
    expect(settingsOf('local', { issuer: 'http://localhost:8791', audience: 'switchboard' }).tenantClaim).toBe(
      'tenant',
    );
  });

  it('allow plain http in the local stage', () => {
    const http = {
      issuer: 'http://localhost:8791',
      audience: 'a',
      publicUrl: 'http://localhost:8787',
      apiUrl: 'http://localhost:8787',
      graphApiUrl: 'http://localhost:8789',
    };
    expect(settingsOf('local', http)).toMatchObject(http);
  });

  it.each<[string, string, unknown, RegExp]>([
    ['an unknown stage', 'qa', {}, /one of dev, prod, local/],
    [
      'an unknown setting, and names the known ones',
      'prod',
      { colour: 'red' },
      /no setting `colour`: there are issuer, audience/,
    ],
    [
      'an unknown setting inside a setting',
      'prod',
      { apiThrottle: { rate: 1, burst: 1, max: 2 } },
      /no setting `apiThrottle.max`/,
    ],
    ['an overlay that is no object', 'prod', [], /must be a JSON object/],
    ['a value of the wrong type', 'prod', { removalProtection: 'no' }, /`removalProtection`/],
    ['an issuer without an audience', 'prod', { issuer: 'https://login.example.com' }, /`audience` is needed/],
    ['an audience without an issuer', 'prod', { audience: 'switchboard' }, /`audience` works only with `issuer`/],
    ['a scope without an issuer', 'prod', { requiredScope: 'use' }, /`requiredScope` works only with `issuer`/],
    ['an http issuer', 'prod', { ...ownIssuer, issuer: 'http://login.example.com' }, /`issuer` must be https/],
    [
      'an http issuer in dev, too',
      'dev',
      { ...ownIssuer, issuer: 'http://login.example.com' },
      /`issuer` must be https/,
    ],
    ['an http Graph API', 'prod', { graphApiUrl: 'http://localhost:8789' }, /`graphApiUrl` must be https/],
    ['an http address', 'prod', { publicUrl: 'http://localhost:8787' }, /`publicUrl` must be https/],
    ['an http address for users', 'prod', { apiUrl: 'http://localhost:8787' }, /`apiUrl` must be https/],
    [
      'an address with a path',
      'prod',
      { publicUrl: 'https://example.com/switchboard' },
      /`publicUrl`: must be an origin/,
    ],
    [
      'an address that ends in a slash',
      'prod',
      { publicUrl: 'https://example.com/' },
      /`publicUrl`: must be an origin/,
    ],
    [
      'two addresses',
      'prod',
      {
        publicUrl: 'https://a.example.com',
        publicDomain: { domainName: 'b.example.com', certificateArn: 'arn:aws:acm:x' },
      },
      /exclude each other/,
    ],
    ['a Graph API without a version', 'prod', { graphApiVersion: 'latest' }, /`graphApiVersion`/],
    ['no trail', 'prod', { trail: { mode: 'none' } }, /`trail` cannot be left out/],
    ['no trail in dev, too', 'dev', { trail: { mode: 'none' } }, /`trail` cannot be left out/],
    [
      'an existing trail without its bucket',
      'prod',
      { trail: { mode: 'existing', name: 'central' } },
      /`trail.bucket`/,
    ],
    [
      'agents on loopback',
      'prod',
      { allowLoopbackTargets: true },
      /`allowLoopbackTargets` is for the local stage only/,
    ],
    ['a visibility below six timeouts', 'prod', { queueVisibilitySeconds: 179 }, /at least 180/],
    [
      'a visibility below the timeout, even locally',
      'local',
      { queueVisibilitySeconds: 29 },
      /`queueVisibilitySeconds`/,
    ],
    ['a retention that CloudWatch does not know', 'prod', { logRetentionDays: 91 }, /`logRetentionDays`/],
    [
      'a concurrency that SQS does not take',
      'prod',
      { routeEventMaximumConcurrency: 1 },
      /`routeEventMaximumConcurrency`/,
    ],
    [
      'reserved concurrency for a function that is not there',
      'prod',
      { reservedConcurrency: { Nobody: 1 } },
      /reservedConcurrency/,
    ],
  ])('refuse %s', (_, stage, overlay, sentence) => {
    expect(() => settingsOf(stage, overlay)).toThrow(SettingsRefused);
    expect(() => settingsOf(stage, overlay)).toThrow(sentence);
  });

  it('take the boundary of each refusal', () => {
    expect(settingsOf('prod', { queueVisibilitySeconds: 180 }).queueVisibilitySeconds).toBe(180);
    expect(settingsOf('local', { queueVisibilitySeconds: 30 }).queueVisibilitySeconds).toBe(30);
    expect(settingsOf('prod', { routeEventMaximumConcurrency: 2 }).routeEventMaximumConcurrency).toBe(2);
    expect(settingsOf('prod', { publicUrl: 'https://example.com:8443' }).publicUrl).toBe('https://example.com:8443');
  });

  it('refuse text that is not JSON', () => {
    expect(() => settingsFromContext((key) => ({ settings: '{issuer:' })[key])).toThrow(/not JSON/);
  });

  it('report every finding at once', () => {
    expect(() => settingsOf('prod', { graphApiVersion: '25', logRetentionDays: 2 })).toThrow(
      /`graphApiVersion`[\s\S]*`logRetentionDays`|`logRetentionDays`[\s\S]*`graphApiVersion`/,
    );
  });

  it('each say what they do', () => {
    const settings = describeSettings();
    expect(settings.length).toBeGreaterThan(15);
    for (const { name, description } of settings) expect(description.length, name).toBeGreaterThan(20);
  });

  it('are none about a WhatsApp credential', () => {
    expect(describeSettings().filter(({ name }) => /whatsapp|waba|token|secret|phone|meta/i.test(name))).toEqual([]);
  });

  it('are listed in docs/operations.md as the schema has them: run `npm run docs`', () => {
    const document = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    expect(document).toBe(withSettingsTable(document));
  });
});
