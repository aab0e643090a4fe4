import { expect, test } from 'vitest';
import { isStrained } from '../../../shared/domain/meta-usage.ts';

test.each([
  ['neither allowance is used', 79, 79, false],
  ['the app’s is', 80, 0, true],
  ['the account’s is', 0, 80, true],
])('whatever asks of its own accord asks less often where %s', (_what, appPercent, managementPercent, expected) => {
  expect(isStrained({ appPercent, managementPercent, regainMinutes: 0 })).toBe(expected);
});
