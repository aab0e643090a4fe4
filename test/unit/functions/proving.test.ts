import { expect, test } from 'vitest';
import { unlessOvertaken } from '../../../functions/credentials/proving.ts';
import { Fault } from '../../../shared/domain/fault.ts';

const failing = (code: 'secret-missing' | 'secret-refused') => () =>
  Promise.reject(new Fault(code, { retryable: false }));

test('a secret that went while it was being looked at makes it read again', async () => {
  expect(await unlessOvertaken(true, failing('secret-missing'))).toBe('overtaken');
  expect(await unlessOvertaken(true, () => Promise.resolve('done'))).toBe('done');
});

test('one that is missing for good, or that is refused, is no coincidence', async () => {
  await expect(unlessOvertaken(false, failing('secret-missing'))).rejects.toMatchObject({ code: 'secret-missing' });
  await expect(unlessOvertaken(true, failing('secret-refused'))).rejects.toMatchObject({ code: 'secret-refused' });
});
