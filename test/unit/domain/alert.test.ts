import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alert as alertSchema } from '../../../shared/contracts/alert.ts';
import type { Reason } from '../../../shared/contracts/credential.ts';
import { phoneNumberId } from '../../../shared/contracts/ids.ts';
import { alertsOf, type CredentialChange, verdictChangeOf } from '../../../shared/domain/alert.ts';
import { knownStateOf, knownStatesOf, stateOf } from '../../../shared/domain/credential-state.ts';
import type { CredentialRecord } from '../../../shared/domain/records.ts';
import { credentialRecordOf, ids } from '../../support/records.ts';

const console = 'https://switchboard.example/console';
const at = new Date('2026-11-22T10:00:00.000Z');
const reasonOf = (code: string, change: Partial<Reason> = {}): Reason => ({
  code,
  title: `It is ${code}`,
  detail: `Because of ${code}`,
  guidance: `Mend ${code}`,
  since: '2026-11-22T09:00:00.000Z',
  ...change,
});

const well = credentialRecordOf();
const invalid = credentialRecordOf({ verdict: { status: 'invalid', reason: reasonOf('token-revoked') } });
const needy = credentialRecordOf({ finding: { status: 'action_required', reason: reasonOf('pin-missing') } });
const limited = credentialRecordOf({ finding: { status: 'degraded', reason: reasonOf('quality-low') } });
const remarked = credentialRecordOf({ finding: { status: 'connected', reason: reasonOf('awaiting-first-message') } });
const disabledAtMeta = credentialRecordOf({
  standing: { status: 'action_required', isStopped: true, reason: reasonOf('account-disabled') },
});
const removing = credentialRecordOf({ status: 'removing' });
const away = (record: CredentialRecord): CredentialRecord => ({
  ...record,
  unreachableSince: '2026-11-22T09:30:00.000Z',
});

const changeOf = (before: CredentialRecord | undefined, after: CredentialRecord): CredentialChange => ({
  before,
  after,
  at,
  sequence: '100000000000000000001',
});
const told = (before: CredentialRecord | undefined, after: CredentialRecord) =>
  alertsOf(changeOf(before, after), console).map(
    ({ audience, alert }) => `${audience}: ${alert.kind} ${alert.severity}`,
  );

describe('nobody is told', () => {
  test.each([
    ['of a credential that is connected from the start', undefined, well],
    ['of a remark on one that is connected', well, remarked],
    ['that a remark is gone', remarked, well],
    ['of an edit by a user', limited, { ...limited, label: 'Another', version: 2 }],
    ['that Meta does not answer', well, away(well)],
    ['that Meta answers again', away(well), well],
    ['that Meta does not answer, where something is wrong besides', needy, away(needy)],
    ['that an invalid credential is on its way out', invalid, removing],
    [
      'of a credential that is on its way out, whatever else is found',
      removing,
      { ...invalid, status: 'removing' as const },
    ],
    ['that one is back from its way out', removing, limited],
    [
      'of other words for the same reason',
      invalid,
      credentialRecordOf({
        verdict: { status: 'invalid', reason: reasonOf('token-revoked', { title: 'Other', since: at.toISOString() }) },
      }),
    ],
  ])('%s', (_what, before, after) => expect(told(before, after)).toEqual([]));

  test('of the same numbers in another order', () => {
    const about = (...phoneNumberIds: Reason['phoneNumberIds'] & object) =>
      credentialRecordOf({ finding: { status: 'degraded', reason: reasonOf('quality-low', { phoneNumberIds }) } });
    expect(told(about(ids.number, ids.otherNumber), about(ids.otherNumber, ids.number))).toEqual([]);
    // Each that is mended is no news while another is left.
    expect(told(about(ids.number, ids.otherNumber), about(ids.otherNumber))).toEqual([]);
    expect(told(about(ids.number), about(ids.otherNumber))).toEqual(['tenant: credential.degraded warning']);
    expect(told(about(ids.number), about(ids.number, ids.otherNumber))).toEqual([
      'tenant: credential.degraded warning',
    ]);
  });

  test('of a notice of an expiry that was told before, nor that it is taken back', () => {
    const expiryNotice = { expiresAt: '2026-12-06T10:00:00.000Z', days: 14 } as const;
    const noticed = credentialRecordOf({ expiryNotice });
    expect(told(noticed, { ...noticed, label: 'Another' })).toEqual([]);
    expect(told(noticed, well)).toEqual([]);
    expect(told(well, credentialRecordOf({ expiryNotice, status: 'removing' }))).toEqual([]);
  });
});

describe('the owner is told', () => {
  test.each([
    ['that it needs them', well, needy, ['tenant: credential.action-required warning']],
    ['that it works with limits', well, limited, ['tenant: credential.degraded warning']],
    ['of the next thing that is wrong', limited, needy, ['tenant: credential.action-required warning']],
    ['that a lesser thing is left', needy, limited, ['tenant: credential.degraded warning']],
    ['that all is well again', needy, well, ['tenant: credential.recovered info']],
    ['that all is well again but for a remark', limited, remarked, ['tenant: credential.recovered info']],
    ['of one that begins badly', undefined, needy, ['tenant: credential.action-required warning']],
    [
      'by one alert of what got worse while Meta did not answer',
      away(well),
      away(limited),
      ['tenant: credential.degraded warning'],
    ],
  ])('%s', (_what, before, after, expected) => expect(told(before, after)).toEqual(expected));

  test.each([
    [14, 'warning', '14 days'],
    [7, 'warning', '7 days'],
    [1, 'critical', 'a day'],
  ] as const)('%i days before the token ends, when it does and what to do', (days, severity, words) => {
    const expiresAt = '2026-12-06T10:00:00.000Z';
    const [first, ...others] = alertsOf(
      changeOf(well, credentialRecordOf({ expiryNotice: { expiresAt, days } })),
      console,
    );
    expect(others).toEqual([]);
    expect(first).toMatchObject({ audience: 'tenant', alert: { kind: 'credential.token-expiring', severity } });
    expect(first?.alert.title).toContain(words);
    expect(first?.alert.detail).toContain(expiresAt);
    expect(first?.alert.guidance).toMatch(/new access token/);
  });

  describe('of what comes beside something else', () => {
    const low = { status: 'degraded', reason: reasonOf('quality-low', { phoneNumberIds: [ids.number] }) } as const;
    const silent = { status: 'degraded', reason: reasonOf('silent', { phoneNumberIds: [ids.otherNumber] }) } as const;
    const elsewhere = { webhookState: 'drifted', webhookReason: reasonOf('account-notices-elsewhere') } as const;

    test.each([
      ['while it is as bad as before', { finding: low }, { finding: low, furtherFindings: [silent] }, ['silent']],
      ['beside what nobody will change', elsewhere, { ...elsewhere, finding: low }, ['quality-low']],
      ['all at once', {}, { finding: low, furtherFindings: [silent] }, ['quality-low', 'silent']],
      ['not of what was told before', { finding: low, furtherFindings: [silent] }, { finding: low }, []],
      [
        'not where the order alone is another',
        { finding: low, furtherFindings: [silent] },
        { finding: silent, furtherFindings: [low] },
        [],
      ],
    ] satisfies [string, Partial<CredentialRecord>, Partial<CredentialRecord>, string[]][])(
      '%s',
      (_when, before, after, codes) => {
        const alerts = alertsOf(changeOf(credentialRecordOf(before), credentialRecordOf(after)), console);
        expect(alerts.map(({ alert }) => alert.code)).toEqual(codes);
        expect(new Set(alerts.map(({ alert }) => alert.id)).size).toBe(codes.length);
      },
    );
  });

  test('of a token that ends and of what else is wrong, by one alert each', () => {
    const expiryNotice = { expiresAt: '2026-12-06T10:00:00.000Z', days: 7 } as const;
    const both = alertsOf(changeOf(well, { ...needy, expiryNotice }), console).map(({ alert }) => alert);
    expect(both.map(({ kind }) => kind)).toEqual(['credential.action-required', 'credential.token-expiring']);
    expect(new Set(both.map(({ id }) => id)).size).toBe(2);
  });
});

describe('owner and operator are told', () => {
  const both = (what: string) => [`tenant: ${what}`, `operator: ${what}`];

  test.each([
    ['that it has become invalid', limited, invalid, both('credential.invalid critical')],
    ['that it was found to be invalid at once', undefined, invalid, both('credential.invalid critical')],
    ['that it is in order again', invalid, well, both('credential.recovered info')],
    [
      'that Meta has stopped the account, as bad as an invalid credential',
      well,
      disabledAtMeta,
      both('credential.action-required critical'),
    ],
    ['that the account is in order again', disabledAtMeta, well, both('credential.recovered info')],
    [
      'each what concerns them, where something is left',
      invalid,
      needy,
      ['tenant: credential.action-required warning', 'operator: credential.recovered info'],
    ],
  ])('%s', (_what, before, after, expected) => expect(told(before, after)).toEqual(expected));

  test('what becomes of messages that were held, where it was stopped, and of nothing else', () => {
    const guidanceAfter = (before: CredentialRecord) => alertsOf(changeOf(before, well), console)[0]?.alert.guidance;
    expect(guidanceAfter(invalid)).toMatch(/older messages wait .* 14 days/);
    expect(guidanceAfter(limited)).toBe('Nothing to do.');
  });

  test('the operator by ids, without what the tenant calls it', () => {
    const secretName = credentialRecordOf({ ...invalid, label: 'Project Nightfall' });
    const alerts = alertsOf(changeOf(well, secretName), console);
    for (const { audience, alert } of alerts) {
      expect(alertSchema.parse(alert)).toEqual(alert);
      expect(JSON.stringify(alert).includes('Nightfall')).toBe(audience === 'tenant');
      expect(alert).toMatchObject({
        tenantId: ids.tenant,
        credentialId: ids.credential,
        wabaId: ids.waba,
        code: 'token-revoked',
        detail: 'Because of token-revoked',
        link: `${console}/credentials/${ids.credential}`,
      });
    }
  });
});

describe('the history of a credential', () => {
  test('has every change of what is shown, also that Meta does not answer', () => {
    expect(verdictChangeOf(changeOf(well, away(well)))).toMatchObject({
      at: at.toISOString(),
      from: { status: 'connected', code: null },
      to: { status: 'unreachable', reason: { code: 'meta-unreachable' } },
    });
    expect(verdictChangeOf(changeOf(invalid, removing))).toMatchObject({
      from: { status: 'invalid', code: 'token-revoked' },
      to: { status: 'removing' },
    });
    expect(verdictChangeOf(changeOf(well, remarked))).toMatchObject({ to: { status: 'connected' } });
  });

  test.each([
    ['an edit', limited, { ...limited, label: 'Another' }],
    ['a credential that is connected from the start', undefined, well],
    ['a notice of an expiry', well, credentialRecordOf({ expiryNotice: { expiresAt: at.toISOString(), days: 1 } })],
    ['what nobody sees while Meta does not answer', away(well), away(limited)],
  ])('has no line for %s', (_what, before, after) => expect(verdictChangeOf(changeOf(before, after))).toBeUndefined());
});

describe('whatever happens to a credential', () => {
  const codes = fc.constantFrom('token-revoked', 'quality-low', 'pin-missing');
  const reasons = fc.record({
    code: codes,
    title: fc.string(),
    detail: fc.string(),
    guidance: fc.string(),
    since: fc.constantFrom('2026-11-22T09:00:00.000Z', '2026-11-22T09:30:00.000Z'),
    phoneNumberIds: fc.subarray([ids.number, ids.otherNumber, phoneNumberId.parse('3042424242424299')]),
  });
  const findings = fc.record({
    status: fc.constantFrom('connected' as const, 'degraded' as const, 'action_required' as const),
    reason: reasons,
  });
  const records = fc
    .record({
      status: fc.constantFrom(
        'connected' as const,
        'connected' as const,
        'action_required' as const,
        'removing' as const,
      ),
      reason: fc.option(reasons),
      verdict: fc.option(fc.record({ status: fc.constant('invalid' as const), reason: reasons })),
      finding: fc.option(findings),
      furtherFindings: fc.array(findings, { maxLength: 2 }),
      unreachableSince: fc.option(fc.constant('2026-11-22T09:30:00.000Z')),
    })
    .map(credentialRecordOf);
  const lives = fc.array(records, { minLength: 1, maxLength: 12 });
  const alertsIn = (life: readonly CredentialRecord[]) =>
    life.map((after, index) => alertsOf({ before: life[index - 1], after, at, sequence: String(index) }, console));

  test('a change that is no change tells nobody and leaves no line', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(told(record, { ...record, version: record.version + 1 })).toEqual([]);
        expect(verdictChangeOf(changeOf(record, record))).toBeUndefined();
      }),
    );
  });

  test('nobody is told one thing twice of one change, and no two changes have the same alert', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const all = alertsIn(life);
        for (const alerts of all)
          expect(new Set(alerts.map(({ audience, alert: { code } }) => `${audience} ${code}`)).size).toBe(
            alerts.length,
          );
        const named = all.flat().map(({ audience, alert }) => `${audience} ${alert.id}`);
        expect(new Set(named).size).toBe(named.length);
      }),
    );
  });

  test('its owner was told of all that is wrong with it since it was last in order, whether Meta answers or not', () => {
    fc.assert(
      fc.property(lives, (life) => {
        const staying = life.filter(({ status }) => status !== 'removing');
        const last = staying.at(-1);
        if (last === undefined) return;
        const owner = alertsIn(staying)
          .flat()
          .filter(({ audience }) => audience === 'tenant')
          .map(({ alert: { kind, code } }) => ({ kind, code }));
        if (knownStateOf(last).status === 'connected')
          expect([undefined, 'credential.recovered']).toContain(owner.at(-1)?.kind);
        const since = owner.slice(owner.findLastIndex(({ kind }) => kind === 'credential.recovered') + 1);
        for (const { status, reason } of knownStatesOf(last))
          if (status !== 'connected') expect(since.map(({ code }) => code)).toContain(reason?.code ?? null);
      }),
    );
  });

  test('the operator hears of a recovery after an invalid credential alone, and of every one that does not go', () => {
    fc.assert(
      fc.property(lives, (life) => {
        let isInvalid = false;
        for (const alerts of alertsIn(life.filter(({ status }) => status !== 'removing')))
          for (const { audience, alert } of alerts) {
            if (audience === 'tenant') continue;
            if (alert.kind === 'credential.recovered') expect(isInvalid).toBe(true);
            isInvalid = alert.kind === 'credential.invalid';
          }
        const last = life.filter(({ status }) => status !== 'removing').at(-1);
        if (last !== undefined) expect(isInvalid).toBe(knownStateOf(last).status === 'invalid');
      }),
    );
  });

  test('the lines of its history are a chain from connected to what is shown', () => {
    fc.assert(
      fc.property(lives, (life) => {
        let shown: string = 'connected';
        for (const [index, after] of life.entries()) {
          const line = verdictChangeOf({ before: life[index - 1], after, at, sequence: String(index) });
          if (line === undefined) continue;
          expect(line.from.status).toBe(shown);
          shown = line.to.status;
        }
        const last = life.at(-1);
        expect(shown).toBe(last && stateOf(last).status);
      }),
    );
  });
});
