import { describe, expect, test } from 'vitest';
import { watchAudit } from '../../../functions/audit/watch-audit.lambda.ts';
import { recordingJournal } from '../../support/fakes.ts';

const Keys = { pk: { S: 'acme#cred_1' }, sk: { S: '01J0000000000000000000000A' } };
const image = { ...Keys, action: { S: 'open' }, actor: { S: 'CANARY' } };
const record = (eventName: string, more: object = {}) => ({
  eventName,
  dynamodb: { Keys, OldImage: image, NewImage: image },
  ...more,
});
const byTimeToLive = { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } };

const watch = (...records: readonly unknown[]) => {
  const journal = recordingJournal();
  watchAudit(records, journal);
  return { lines: journal.lines, tampered: journal.counts.get('AuditTampered') ?? 0 };
};

test.each(['MODIFY', 'REMOVE'])('a %s raises the alarm, with ids and nothing of the line', (eventName) => {
  const { lines, tampered } = watch(record(eventName));
  expect(tampered).toBe(1);
  expect(lines).toEqual([
    {
      level: 'error',
      event: 'audit-tampered',
      fields: { kind: eventName, tenantId: 'acme', subjectId: 'cred_1', auditId: Keys.sk.S },
    },
  ]);
});

test('each of several is counted', () => {
  expect(watch(record('MODIFY'), record('INSERT'), record('REMOVE'), record('REMOVE', byTimeToLive)).tampered).toBe(2);
});

describe('no alarm', () => {
  test('when a line is added', () => {
    expect(watch(record('INSERT'))).toEqual({ lines: [], tampered: 0 });
  });

  test('when DynamoDB takes a line away whose time is up', () => {
    expect(watch(record('REMOVE', byTimeToLive))).toEqual({ lines: [], tampered: 0 });
  });
});

describe('an alarm all the same', () => {
  test.each<[string, unknown]>([
    ['when somebody changes a line as if time to live had', record('MODIFY', byTimeToLive)],
    [
      'when a user calls himself dynamodb',
      record('REMOVE', { userIdentity: { type: 'User', principalId: 'dynamodb.amazonaws.com' } }),
    ],
    ['when a service is not DynamoDB', record('REMOVE', { userIdentity: { type: 'Service', principalId: 'x' } })],
    ['when the identity is empty', record('REMOVE', { userIdentity: null })],
    ['for an event of another name', record('REPLACE')],
    ['for a record without keys', { eventName: 'REMOVE' }],
    ['for a record that cannot be read', 'REMOVE'],
    ['for nothing', null],
  ])('%s', (_what, given) => {
    expect(watch(given).tampered).toBe(1);
  });
});
