import { afterEach, describe, expect, test, vi } from 'vitest';
import { isSet, listed, setting } from '../../../functions/edge/environment.ts';
import { Fault } from '../../../shared/domain/fault.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a setting', () => {
  test.each([
    ['absent', undefined],
    ['empty', ''],
  ])('that is %s is a broken promise for good, named for the debugger', (_what, value) => {
    vi.stubEnv('VAULT_TABLE', value);
    expect(() => setting('VAULT_TABLE')).toThrow(
      expect.objectContaining({ code: 'environment-missing', retryable: false, cause: 'VAULT_TABLE' }),
    );
    expect(() => setting('VAULT_TABLE')).toThrow(Fault);
  });

  test('is what infra gave', () => {
    vi.stubEnv('VAULT_TABLE', 'Switchboard-Vault');
    expect(setting('VAULT_TABLE')).toBe('Switchboard-Vault');
  });
});

describe('a weaker mode', () => {
  test.each([undefined, '', 'false', '1', 'yes', 'TRUE', ' true'])('stays off where the setting says %j', (value) => {
    vi.stubEnv('ALLOW_LOOPBACK_TARGETS', value);
    expect(isSet('ALLOW_LOOPBACK_TARGETS')).toBe(false);
  });

  test('is on where it is spelled out', () => {
    vi.stubEnv('ALLOW_LOOPBACK_TARGETS', 'true');
    expect(isSet('ALLOW_LOOPBACK_TARGETS')).toBe(true);
  });
});

describe('a list', () => {
  test.each([
    ['absent', undefined, []],
    ['empty', '', []],
    ['nothing but commas', ',,', []],
    ['one entry', 'arn:1', ['arn:1']],
    ['several, with gaps between them', 'arn:1,,arn:2,', ['arn:1', 'arn:2']],
  ])('that is %s holds what it names', (_what, value, entries) => {
    vi.stubEnv('FORMER_ENVELOPE_KEY_ARNS', value);
    expect(listed('FORMER_ENVELOPE_KEY_ARNS')).toEqual(entries);
  });
});
