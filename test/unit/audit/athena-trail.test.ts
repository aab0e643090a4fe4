import { AthenaClient } from '@aws-sdk/client-athena';
import { afterEach, describe, expect, test } from 'vitest';
import { athenaTrail, trailSql } from '../../../infra/audit/athena-trail.ts';
import { Refusal } from '../../../infra/local/refusal.ts';
import { type FakeAthena, fakeAthena } from './fake-athena.ts';

const question = {
  vault: 'Switchboard',
  owners: [
    { tenantId: 'acme', ownerId: 'cred_1' },
    { tenantId: 'shared', ownerId: 'app_1' },
  ],
  since: new Date('2026-11-20T23:30:00.500Z'),
  until: new Date('2026-11-22T10:00:00Z'),
};
const place = { database: 'switchboard_audit', account: '111122223333', region: 'eu-central-1' };

const parameters = (change: object = {}) =>
  JSON.stringify({
    encryptionContext: {
      vault: 'Switchboard',
      tenantId: 'acme',
      ownerId: 'cred_1',
      purpose: 'graph-api',
      secretVersion: '2',
      ...change,
    },
    encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    keyId: 'arn:aws:kms:eu-central-1:111122223333:key/envelope',
  });
const head = ['eventid', 'eventtime', 'requestid', 'errorcode', 'arn', 'requestparameters'];
const row = (id: string, errorCode: string | undefined, text: string) => [
  id,
  '2026-11-21T10:00:00Z',
  `kms-${id}`,
  errorCode,
  'arn:aws:sts::111122223333:assumed-role/RouteEvent/RouteEvent',
  text,
];

describe('the question', () => {
  test('names account, region and days, so that nothing else is read', () => {
    expect(trailSql(place, question)).toBe(
      [
        'SELECT eventid, eventtime, requestid, errorcode, useridentity.arn, requestparameters',
        'FROM "switchboard_audit"."events"',
        `WHERE "account" = '111122223333' AND "region" = 'eu-central-1'`,
        `AND "day" BETWEEN '2026/11/20' AND '2026/11/23'`,
        `AND eventtime BETWEEN '2026-11-20T23:30:00Z' AND '2026-11-22T10:00:00Z'`,
        "AND eventsource = 'kms.amazonaws.com' AND eventname = 'Decrypt'",
        "AND json_extract_scalar(requestparameters, '$.encryptionContext.vault') = 'Switchboard'",
        "AND ((json_extract_scalar(requestparameters, '$.encryptionContext.tenantId') = 'acme' AND json_extract_scalar(requestparameters, '$.encryptionContext.ownerId') = 'cred_1') OR (json_extract_scalar(requestparameters, '$.encryptionContext.tenantId') = 'shared' AND json_extract_scalar(requestparameters, '$.encryptionContext.ownerId') = 'app_1'))",
        'ORDER BY eventtime',
      ].join('\n'),
    );
  });

  test('keeps a value a value, whatever quotes it has', () => {
    const sql = trailSql(place, { ...question, owners: [{ tenantId: "a' OR '1'='1", ownerId: 'cred_1' }] });
    expect(sql).toContain("= 'a'' OR ''1''=''1' AND");
  });

  test.each([
    ['a line break', { ...question, vault: 'a\nb' }, place],
    ['a letter that no id has', { ...question, vault: 'ä' }, place],
    ['a database of another name', question, { ...place, database: 'x"; DROP TABLE y' }],
  ])('is refused for %s', (_what, asked, where) => {
    expect(() => trailSql(where, asked)).toThrow(Refusal);
  });
});

describe('the answer of Athena', () => {
  let athena: FakeAthena;
  afterEach(() => athena[Symbol.asyncDispose]());

  const ask = async (fake: Parameters<typeof fakeAthena>[0], patience = 1_000) => {
    athena = await fakeAthena(fake);
    const client = new AthenaClient({
      endpoint: athena.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    return athenaTrail({ client, workGroup: 'Switchboard', ...place, patience, pollInterval: 1 }).ask(question);
  };

  test('is waited for and read page by page, in the work group of the stack', async () => {
    const { opens, knowsSince } = await ask({
      states: ['QUEUED', 'RUNNING', 'SUCCEEDED'],
      pages: [
        [head, row('1', undefined, parameters())],
        [row('2', 'AccessDenied', parameters({ tenantId: 'shared', ownerId: 'app_1', purpose: 'app-access' }))],
      ],
    });
    expect(knowsSince).toBeUndefined();
    expect(opens).toEqual([
      {
        eventId: '1',
        at: '2026-11-21T10:00:00.000Z',
        requestId: 'kms-1',
        who: 'arn:aws:sts::111122223333:assumed-role/RouteEvent/RouteEvent',
        answer: 'allowed',
        tenantId: 'acme',
        ownerId: 'cred_1',
        purpose: 'graph-api',
        secretVersion: 2,
      },
      expect.objectContaining({ requestId: 'kms-2', answer: 'refused', ownerId: 'app_1' }),
    ]);
    expect(athena.started).toEqual([
      {
        QueryString: trailSql(place, question),
        WorkGroup: 'Switchboard',
        QueryExecutionContext: { Database: 'switchboard_audit' },
        ClientRequestToken: expect.any(String),
      },
    ]);
  });

  test('leaves out what the question did not ask for, and what was delivered twice', async () => {
    const { opens } = await ask({
      states: ['SUCCEEDED'],
      pages: [
        [head, row('1', undefined, parameters()), row('1', undefined, parameters())],
        [row('2', undefined, parameters({ vault: 'Other' })), row('3', undefined, '{}'), row('4', undefined, '{')],
      ],
    });
    expect(opens.map(({ eventId }) => eventId)).toEqual(['1']);
  });

  test.each(['FAILED', 'CANCELLED'])('that is %s is a refusal with its reason', async (state) => {
    await expect(ask({ states: [state], reason: 'no permission on the bucket', pages: [] })).rejects.toThrow(
      /no permission on the bucket/,
    );
  });

  test('that does not come is a refusal', async () => {
    await expect(ask({ states: ['RUNNING'], pages: [] }, 20)).rejects.toThrow(/did not answer in time/);
  });
});
