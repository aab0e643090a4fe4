import { isDeepStrictEqual } from 'node:util';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, ScanCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import * as z from 'zod';
import { rewrapProgress } from '../contracts/rewrap.ts';
import { Fault } from '../domain/fault.ts';
import { nameOfRow, type VaultRow, type VaultWalk } from '../domain/rewrap-vault.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { sealedRow, vaultKey } from './vault.ts';

/**
 * Where the progress is kept. Why in the Vault: there it is written in the transaction that writes the row, and the job needs
 * no right on any other table. No secret has this key: theirs have a `#` in both parts.
 */
const progressKey = { pk: 'REWRAP', sk: 'PROGRESS' };

/** Names of failed rows that are kept with the progress: an item holds 400 KB, a name at most 300 bytes. */
const keptFailures = 100;

/** Rows that are fetched at once. A row is settled by itself, so that an invocation that dies loses none. */
const pageLength = 100;

const rowKey = z.object({ pk: z.string(), sk: z.string() });

/** `cursor` is the key of the last row that was dealt with, `keyArn` the key that the run moves to. */
const storedRun = rewrapProgress.extend({ keyArn: z.string(), cursor: rowKey.nullable() });
type StoredRun = z.output<typeof storedRun>;

/** Walks through the Vault in the order of its scan, with the run's progress in a row of the Vault itself. */
export const vaultWalk = (
  client: DynamoDBDocumentClient,
  table: string,
  keyArn: string,
  now: () => Date = () => new Date(),
): VaultWalk => {
  const writing = (fields: Partial<StoredRun>) => ({
    TableName: table,
    Key: progressKey,
    UpdateExpression: `SET ${Object.keys(fields)
      .map((field) => `#${field} = :${field}`)
      .join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(Object.keys(fields).map((field) => [`#${field}`, field])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(fields).map(([field, value]) => [`:${field}`, value])),
  });

  /** The same, provided that nobody else has carried the run on since: each row adds one to `scanned`. */
  const carryingOn = (run: StoredRun, fields: Partial<StoredRun>) => {
    const { ExpressionAttributeValues, ...update } = writing(fields);
    return {
      ...update,
      ConditionExpression: 'runId = :run AND scanned = :before',
      ExpressionAttributeValues: { ...ExpressionAttributeValues, ':run': run.runId, ':before': run.scanned },
    };
  };

  const carryOn = async (run: StoredRun, fields: Partial<StoredRun>): Promise<StoredRun> => {
    await calling('store-unavailable', () =>
      client.send(new UpdateCommand(carryingOn(run, fields))).catch((error: unknown) => {
        throw hasName(error, 'ConditionalCheckFailedException') ? overtaken() : error;
      }),
    );
    return { ...run, ...fields };
  };

  const start = async (restart: boolean): Promise<unknown> => {
    const fresh: StoredRun = {
      runId: ulid(),
      keyArn,
      startedAt: now().toISOString(),
      scanned: 0,
      moved: 0,
      skipped: 0,
      failed: 0,
      failures: [],
      finishedAt: null,
      cursor: null,
    };
    const unlessUnderWay = { ConditionExpression: 'attribute_not_exists(pk) OR #keyArn <> :keyArn' };
    const update = { ...writing(fresh), ...(restart ? {} : unlessUnderWay), ReturnValues: 'ALL_NEW' as const };
    return (await client.send(new UpdateCommand(update))).Attributes;
  };

  /** Why a write: it reads the row with the one permission that the job has for it. */
  const resume = async (): Promise<unknown> => {
    const update = {
      TableName: table,
      Key: progressKey,
      UpdateExpression: 'SET resumedAt = :now',
      ExpressionAttributeValues: { ':now': now().toISOString() },
      ReturnValues: 'ALL_NEW' as const,
    };
    return (await client.send(new UpdateCommand(update))).Attributes;
  };

  return {
    async begin({ restart }) {
      const stored = await calling('store-unavailable', () =>
        start(restart).catch((error: unknown) => {
          if (hasName(error, 'ConditionalCheckFailedException')) return resume();
          throw error;
        }),
      );
      return runOf(stored);
    },

    async *rowsLeft(run) {
      let after = runOf(run).cursor;
      do {
        const { Items = [], LastEvaluatedKey } = await calling('store-unavailable', () =>
          client.send(
            new ScanCommand({
              TableName: table,
              ConsistentRead: true,
              Limit: pageLength,
              ...(after === null ? {} : { ExclusiveStartKey: after }),
            }),
          ),
        );
        for (const item of Items) if (item.pk !== progressKey.pk) yield rowOf(item);
        after = LastEvaluatedKey === undefined ? null : rowKey.parse(LastEvaluatedKey);
      } while (after !== null);
    },

    async settle(current, row, outcome) {
      const run = runOf(current);
      const counting = (fate: 'moved' | 'skipped' | 'failed'): Partial<StoredRun> => ({
        cursor: row.key,
        scanned: run.scanned + 1,
        [fate]: run[fate] + 1,
      });
      if (outcome.fate === 'failed') {
        const failures = [...run.failures, nameOfRow(row)].slice(0, keptFailures);
        return carryOn(run, { ...counting('failed'), failures });
      }
      const replacement = {
        TableName: table,
        Key: row.key,
        UpdateExpression: 'SET sealed = :after',
        ConditionExpression: 'sealed = :before',
        ExpressionAttributeValues: { ':before': row.secret?.sealed, ':after': outcome.sealed },
      };
      const moved = counting('moved');
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [{ Update: carryingOn(run, moved) }, { Update: replacement }],
          }),
        );
        return { ...run, ...moved };
      } catch (error) {
        const [ofRun, ofRow] = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
        if (ofRun?.Code === 'ConditionalCheckFailed') throw overtaken();
        if (ofRow?.Code === 'ConditionalCheckFailed') return carryOn(run, counting('skipped'));
        throw unavailable(error);
      }
    },

    finish: (run) => carryOn(runOf(run), { finishedAt: now().toISOString() }),
  };
};

const overtaken = () => new Fault('rewrap-overtaken', { retryable: true });

/** @throws {Fault} row-malformed */
const runOf = (stored: unknown): StoredRun => {
  const run = storedRun.safeParse(stored);
  if (!run.success) throw new Fault('row-malformed', { retryable: false });
  return run.data;
};

const rowOf = (item: Record<string, unknown>): VaultRow => {
  const key = rowKey.parse(item);
  const row = sealedRow.safeParse(item);
  return { key, secret: row.success && isDeepStrictEqual(vaultKey(row.data), key) ? row.data : undefined };
};
