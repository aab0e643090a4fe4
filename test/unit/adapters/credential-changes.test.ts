import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test } from 'vitest';
import { credentialChangeOf } from '../../../shared/adapters/credential-changes.ts';
import { credentialRecordOf } from '../../support/records.ts';
import { recordOf } from '../../support/stream-records.ts';

const before = credentialRecordOf();
const after = credentialRecordOf({ label: 'Another' });

test('a change has both rows, its time and its place in the stream', () => {
  expect(credentialChangeOf(recordOf(before, after))).toEqual({
    before,
    after,
    at: new Date(1_795_341_600_000),
    sequence: '100000000000000000001',
  });
});

test('a new credential has nothing before', () => {
  expect(credentialChangeOf(recordOf(undefined, after))).toMatchObject({ before: undefined, after });
});

describe('nothing comes of', () => {
  test.each(['NOTIFICATIONS', 'VERDICT#cred_1#2026', 'AGENT#support', 'TENANT', 'FORMER-CRED#'])(
    'a row of another kind, whatever is in it: %s',
    (sk) => {
      const Keys = marshall({ pk: 'TENANT#acme', sk });
      expect(credentialChangeOf(recordOf(before, after, { Keys, NewImage: { secret: 'CANARY' } }))).toBeUndefined();
    },
  );

  test('a credential that is gone', () => {
    const { dynamodb } = recordOf(before, after);
    const { NewImage: _gone, ...rest } = dynamodb;
    expect(credentialChangeOf({ eventName: 'REMOVE', dynamodb: rest })).toBeUndefined();
  });
});

describe('what is refused as unreadable, without a word of it', () => {
  test.each([
    ['a row that is no credential', recordOf(before, after, { NewImage: marshall({ label: 'CANARY' }) })],
    ['a former row that is none', recordOf(before, after, { OldImage: marshall({ label: 'CANARY' }) })],
    ['a row that DynamoDB does not write so', recordOf(before, after, { NewImage: { label: { CANARY: 1 } } })],
    ['a record without its place', recordOf(before, after, { SequenceNumber: undefined })],
    ['a record without its time', recordOf(before, after, { ApproximateCreationDateTime: 'CANARY' })],
    ['a record without keys', { dynamodb: {} }],
    ['no record at all', 'CANARY'],
  ])('%s', (_what, record) => {
    let thrown: unknown;
    try {
      credentialChangeOf(record);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'row-malformed', retryable: false });
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain('CANARY');
  });
});
