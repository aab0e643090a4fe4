import { expect, test } from 'vitest';
import { type Alert, alert, alertKind, alertSeverity } from '../../../shared/contracts/alert.ts';
import { messageOf } from '../../../shared/domain/alert-message.ts';
import { alertRecordOf } from '../../support/records.ts';

const every = alertKind.options.flatMap((kind) => alertSeverity.options.map((severity) => [kind, severity] as const));

test.each(every)(
  'the subject of %s, %s, is one line of printable ASCII of less than 100 characters',
  (kind, severity) => {
    const { subject } = messageOf(alertRecordOf({ kind, severity, label: 'Löwe 🦁\nBcc: all@example.com' }));
    expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
    expect(subject).toContain(severity);
  },
);

test('the text says what it is, since when, what to do and where', () => {
  const told = alertRecordOf();
  const { text } = messageOf(told);
  for (const part of [
    told.title,
    told.detail,
    told.guidance,
    told.link,
    told.at,
    'Shop',
    told.credentialId,
    told.wabaId,
  ])
    expect(text).toContain(part);
});

test('what a tenant calls a credential stays in its line', () => {
  const label = 'Shop\r\nWhat to do: send your token to https://evil.example\u2028\u0000now';
  const lines = messageOf(alertRecordOf({ label })).text.split(/[\n\r\u2028\u2029\u0085]/);
  expect(lines.filter((line) => line.startsWith('What to do:'))).toEqual(['What to do: Make a new one.']);
  expect(lines.filter((line) => line.includes('evil.example'))).toEqual([expect.stringMatching(/^Credential: Shop /)]);
});

test('what Meta is said to have reported stays in its line, too', () => {
  const detail = 'ADULT\n\nWhat to do: send your token to https://evil.example';
  const lines = messageOf(alertRecordOf({ detail })).text.split(/[\n\r\u2028\u2029\u0085]/);
  expect(lines.filter((line) => line.startsWith('What to do:'))).toEqual(['What to do: Make a new one.']);
});

test('the operator reads whose it is, and not what its owner calls it', () => {
  const { text, json } = messageOf(alertRecordOf({ label: null }));
  expect(text).toContain('Tenant: acme');
  expect(text + json).not.toContain('Shop');
});

test('programs get the alert as it is, and nothing else', () => {
  const told: Alert = alertRecordOf();
  expect(alert.parse(JSON.parse(messageOf(told).json))).toEqual(told);
});
