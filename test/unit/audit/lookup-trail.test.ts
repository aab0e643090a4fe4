import {
  CloudTrailClient,
  type Event,
  LookupEventsCommand,
  type LookupEventsCommandInput,
} from '@aws-sdk/client-cloudtrail';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { lookupTrail } from '../../../infra/audit/lookup-trail.ts';

const cloudTrail = mockClient(CloudTrailClient);
const trail = lookupTrail(new CloudTrailClient({ region: 'us-east-1' }));
const start = Date.parse('2026-11-22T10:00:00Z');
const question = {
  vault: 'Switchboard',
  owners: [{ tenantId: 'acme', ownerId: 'cred_1' }],
  since: new Date(start),
  until: new Date(start + 3_600_000),
};

const identity = {
  vault: 'Switchboard',
  tenantId: 'acme',
  ownerId: 'cred_1',
  purpose: 'graph-api',
  secretVersion: '3',
};
const event = (index: number, parameters: object = { EncryptionContext: identity }, more: object = {}): Event => ({
  EventId: `event-${index}`,
  EventTime: new Date(start + index * 1000),
  CloudTrailEvent: JSON.stringify({
    eventTime: new Date(start + index * 1000).toISOString(),
    requestID: `kms-${index}`,
    userIdentity: { arn: 'arn:aws:iam::000000000000:user/test' },
    requestParameters: parameters,
    ...more,
  }),
});

let events: Event[] = [];
beforeEach(() => {
  cloudTrail.reset();
  // As the emulator answers: newest first, 50 at once, no token for the next page.
  cloudTrail.on(LookupEventsCommand).callsFake(({ StartTime, EndTime, MaxResults }: LookupEventsCommandInput) => ({
    Events: events
      .filter(({ EventTime = new Date(0) }) => EventTime >= (StartTime ?? 0) && EventTime <= (EndTime ?? 0))
      .sort((one, other) => Number(other.EventTime) - Number(one.EventTime))
      .slice(0, MaxResults),
  }));
});

test('an event is read with the context as the emulator or as CloudTrail spells it', async () => {
  events = [event(1), event(2, { encryptionContext: identity, keyId: 'k' }, { errorCode: 'AccessDenied' })];
  const { opens } = await trail.ask(question);
  expect(opens).toEqual([
    expect.objectContaining({ requestId: 'kms-2', answer: 'refused', purpose: 'graph-api', secretVersion: 3 }),
    {
      eventId: 'event-1',
      at: '2026-11-22T10:00:01.000Z',
      requestId: 'kms-1',
      who: 'arn:aws:iam::000000000000:user/test',
      answer: 'untold',
      tenantId: 'acme',
      ownerId: 'cred_1',
      purpose: 'graph-api',
      secretVersion: 3,
    },
  ]);
});

test('page after page is read, each event once, and the oldest tells since when the trail remembers', async () => {
  events = Array.from({ length: 120 }, (_, index) => event(index + 10));
  const { opens, knowsSince } = await trail.ask(question);
  expect(opens).toHaveLength(120);
  expect(knowsSince).toEqual(new Date(start + 10_000));
});

test('what is not of this vault, tenant or owner, or not sealed by us, is left out', async () => {
  const others = [{ vault: 'Other' }, { tenantId: 'other' }, { ownerId: 'cred_2' }].map((change) => ({
    ...identity,
    ...change,
  }));
  events = [
    ...others.map((context, index) => event(index, { EncryptionContext: context })),
    event(5, { EncryptionContext: { 'aws:dynamodb:tableName': 'x' } }),
    event(6, {}),
    { EventId: 'broken', EventTime: new Date(start + 7000), CloudTrailEvent: '{' },
  ];
  expect((await trail.ask(question)).opens).toEqual([]);
});
