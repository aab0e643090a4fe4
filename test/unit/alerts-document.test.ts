import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alert, alertKind } from '../../shared/contracts/alert.ts';

const document = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8');

test('the example of an alert is one', () => {
  const [, example = ''] = /```json\n(.*?)```/s.exec(document) ?? [];
  const parsed = alert.strict().safeParse(JSON.parse(example));
  expect(parsed.error?.issues ?? []).toEqual([]);
});

test('every kind of alert has its line, and no other', () => {
  const kinds = [...document.matchAll(/^\| `(credential\.[a-z-]+)`/gm)].map(([, kind]) => kind);
  expect(kinds.sort()).toEqual([...alertKind.options].sort());
});
