import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog } from '../../../shared/adapters/audit-log.ts';
import { auditReader } from '../../../shared/adapters/audit-reader.ts';
import { auditItem } from '../../../shared/contracts/audit.ts';
import type { SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import type { AuditEntry } from '../../../shared/domain/audit.ts';

const subject = { tenantId: 'acme', subjectId: 'cred_1' };
const secret: SecretIdentity = { tenantId: 'shared', ownerId: 'app_1', purpose: 'app-access', secretVersion: 2 };
const dynamo = mockClient(DynamoDBDocumentClient);
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'eu-central-1' }));
const actor = { kind: 'user', id: 'ada', requestId: 'request-1' } as const;
const log = auditLog(client, 'Audit', () => actor);
const reader = auditReader(client, 'Audit');

/** The rows that were written, queried as DynamoDB does it. */
let rows: Record<string, unknown>[] = [];
const query = (input: QueryCommandInput) => {
  const start = input.ExclusiveStartKey?.sk as string | undefined;
  const found = rows
    .filter(({ pk }) => pk === input.ExpressionAttributeValues?.[':pk'])
    .sort((one, other) => (String(one.sk) < String(other.sk) === (input.ScanIndexForward === false) ? 1 : -1))
    .filter(({ sk }) => start === undefined || String(sk) < start);
  return { Items: found.slice(0, input.Limit) };
};

beforeEach(() => {
  rows = [];
  dynamo.reset();
  dynamo.on(PutCommand).callsFake(({ Item }: { Item: Record<string, unknown> }) => void rows.push(Item));
  dynamo.on(QueryCommand).callsFake(query);
});

const opened = async (times = 1) => {
  for (let time = 0; time < times; time++) {
    await log.record(subject, { action: 'open', phase: 'attempt', secret });
    await log.record(subject, { action: 'open', phase: 'outcome', outcome: 'ok', secret, kmsRequestId: `kms-${time}` });
  }
};

describe('a line', () => {
  test('is read as it was written: who, what for, whose secret, in answer to which request', async () => {
    await opened();
    const { items } = await reader.list(subject, { limit: 10 });
    expect(items).toEqual([
      {
        id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
        at: expect.stringMatching(/Z$/),
        action: 'open',
        phase: 'outcome',
        outcome: 'ok',
        purpose: 'app-access',
        secretVersion: 2,
        owner: 'app_1',
        actor: { kind: 'user', id: 'ada' },
        requestId: 'request-1',
        kmsRequestId: 'kms-0',
      },
      expect.objectContaining({ action: 'open', phase: 'attempt' }),
    ]);
  });

  test.each<AuditEntry>([
    { action: 'open', phase: 'outcome', outcome: 'refused', secret },
    { action: 'seal', outcome: 'ok', secret },
    { action: 'shred', outcome: 'ok', secret },
    { action: 'create', outcome: 'ok', about: [] },
    { action: 'update', outcome: 'refused', about: ['precondition-failed'] },
    { action: 'remove', outcome: 'ok', about: [] },
    { action: 'removed', outcome: 'ok', about: ['leftAtMeta'] },
  ])('of every kind fits the contract: $action', async (entry) => {
    await log.record(subject, entry);
    const { items, unreadable } = await reader.list(subject, { limit: 10 });
    expect(unreadable).toBe(0);
    expect(items).toEqual([auditItem.parse(items[0])]);
    expect(items[0]).toMatchObject('about' in entry ? { about: entry.about } : { owner: 'app_1' });
  });

  test('is kept for 730 days, and says so in epoch seconds', async () => {
    await opened();
    const days = (Number(rows[0]?.expiresAt) - Date.now() / 1000) / (24 * 60 * 60);
    expect(Math.round(days * 100) / 100).toBe(730);
  });

  test('is never written over another', async () => {
    await opened();
    for (const call of dynamo.commandCalls(PutCommand))
      expect(call.args[0].input.ConditionExpression).toBe('attribute_not_exists(pk)');
  });
});

describe('a page', () => {
  test('is the newest lines, and lines of one millisecond keep their order', async () => {
    await opened(20);
    const { items } = await reader.list(subject, { limit: 40 });
    expect(items.map(({ kmsRequestId }) => kmsRequestId ?? 'attempt')).toEqual(
      Array.from({ length: 20 }, (_, index) => [`kms-${19 - index}`, 'attempt']).flat(),
    );
  });

  test('after page shows every line once, and the last has no cursor', async () => {
    await opened(3);
    const seen: string[] = [];
    let pages = 0;
    for (let cursor: string | null | undefined; cursor !== null; pages++) {
      const page: Awaited<ReturnType<typeof reader.list>> = await reader.list(subject, { limit: 2, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(rows.map(({ sk }) => sk).reverse());
  });

  test('holds nothing of another tenant with the same id', async () => {
    await log.record({ ...subject, tenantId: 'other' }, { action: 'seal', outcome: 'ok', secret });
    expect(await reader.list(subject, { limit: 10 })).toEqual({ items: [], nextCursor: null, unreadable: 0 });
  });

  test('leaves out a row that is no line of ours, counts it, and goes on behind it', async () => {
    await opened();
    const [first = {}] = rows;
    rows.push({ ...first, sk: '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', action: 'invented' }, { pk: 'acme#cred_1', sk: '0' });
    const page = await reader.list(subject, { limit: 1 });
    expect(page).toEqual({ items: [], nextCursor: '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', unreadable: 1 });
    const rest = await reader.list(subject, { limit: 10, cursor: '7ZZZZZZZZZZZZZZZZZZZZZZZZZ' });
    expect(rest.items).toHaveLength(2);
    expect(rest.unreadable).toBe(1);
  });
});
