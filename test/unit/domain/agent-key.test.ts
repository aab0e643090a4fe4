import { expect, test } from 'vitest';
import { agentKeyDigest, looksLikeAgentKey, makeAgentKey } from '../../../shared/domain/agent-key.ts';

const now = new Date('2026-11-26T10:00:00.000Z');

test('a key is 32 random bytes, and what is kept of it is its digest and its end', () => {
  const { shown, record } = makeAgentKey(now);
  expect(shown).toMatch(/^sbk_[A-Za-z0-9_-]{43}$/);
  expect(looksLikeAgentKey(shown)).toBe(true);
  expect(record).toEqual({
    keyId: expect.stringMatching(/^key_/),
    digest: agentKeyDigest(shown),
    lastFour: shown.slice(-4),
    createdAt: now.toISOString(),
  });
  expect(JSON.stringify(record)).not.toContain(shown.slice(4, 40));
});

test('no two keys are alike, nor are their digests', () => {
  const made = Array.from({ length: 50 }, () => makeAgentKey(now));
  expect(new Set(made.map(({ shown }) => shown)).size).toBe(50);
  expect(new Set(made.map(({ record }) => record.digest)).size).toBe(50);
  expect(new Set(made.map(({ record }) => record.keyId)).size).toBe(50);
});

test.each([
  '',
  'sbk_',
  'sbk_short',
  `sbk_${'a'.repeat(42)}`,
  `sbk_${'a'.repeat(44)}`,
  `sbk_${'a'.repeat(42)} `,
  `sbk_${'a'.repeat(42)}#`,
  `SBK_${'a'.repeat(43)}`,
  'a'.repeat(47),
])('what can’t be a key is not looked up: %s', (text) => {
  expect(agentKeyDigest(text)).toBeUndefined();
});
