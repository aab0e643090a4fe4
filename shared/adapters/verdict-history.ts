import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { AlertOutbox } from '../domain/tell-of-change.ts';
import { type VerdictHistory, verdictChange, verdictLifetimeDays } from '../domain/verdict-history.ts';
import { calling } from './aws-errors.ts';
import { directoryKey, verdictPrefix } from './directory-keys.ts';
import { parsed } from './directory-reader.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';

const secondsPerDay = 24 * 60 * 60;

/** How credentials were shown, as long as that is kept. @throws {Fault} store-unavailable, row-malformed */
export const verdictHistory = (client: DynamoDBDocumentClient, table: string): VerdictHistory => ({
  async list(tenantId, credentialId, limit, cursor) {
    const { pk } = directoryKey.verdict(tenantId, credentialId, '');
    const prefix = verdictPrefix(credentialId);
    const { Items, LastEvaluatedKey } = await calling('store-unavailable', () =>
      client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          // The table forgets late: what has expired counts as gone.
          FilterExpression: 'expiresAt > :now',
          ExpressionAttributeValues: { ':pk': pk, ':prefix': prefix, ':now': Math.floor(Date.now() / 1000) },
          ScanIndexForward: false,
          ConsistentRead: true,
          Limit: limit,
          ...(cursor === undefined ? {} : { ExclusiveStartKey: { pk, sk: `${prefix}${placeOf(cursor)}` } }),
        }),
      ),
    );
    const last: unknown = LastEvaluatedKey?.sk;
    return {
      items: (Items ?? []).map((row) => parsed(verdictChange, row)),
      nextCursor: typeof last === 'string' ? cursorOf(last.slice(prefix.length)) : null,
    };
  },
});

/** A place in the list holds letters that no cursor of ours may hold (shared/contracts/page.ts). */
const cursorOf = (place: string): string => Buffer.from(place).toString('base64url');
const placeOf = (cursor: string): string => Buffer.from(cursor, 'base64url').toString('utf8');

/** What a change of a credential leaves behind: in one transaction, and once. @throws {Fault} store-unavailable */
export const alertOutbox = (client: DynamoDBDocumentClient, table: string): AlertOutbox => ({
  async write({ change, verdict, tickets }) {
    const { tenantId, credentialId } = change.after;
    const at = change.at.toISOString();
    const place = `${at}#${change.sequence}`;
    const expiresAt = Math.floor(change.at.getTime() / 1000) + verdictLifetimeDays * secondsPerDay;
    const row =
      verdict === undefined
        ? { ...directoryKey.notice(tenantId, credentialId, place), credentialId, at }
        : { ...directoryKey.verdict(tenantId, credentialId, place), ...verdict };
    const failed = await failedItems(client, [
      {
        Put: { TableName: table, Item: { ...row, expiresAt }, ConditionExpression: 'attribute_not_exists(pk)' },
      },
      ...tickets.map((ticket) => ticketPut(table, ticket)),
    ]);
    return failed === undefined ? 'written' : failed.includes(0) ? 'known' : 'again';
  },
});
