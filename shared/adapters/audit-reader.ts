import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { type AuditItem, auditRow } from '../contracts/audit.ts';
import type { AuditSubject } from '../domain/audit.ts';
import { auditKey } from './audit-log.ts';
import { calling } from './aws-errors.ts';

export interface AuditPage {
  readonly items: readonly AuditItem[];
  readonly nextCursor: string | null;
  /** Rows that are no lines of ours: left out, so that one of them hides no other. */
  readonly unreadable: number;
}

/** Reads what `auditLog` wrote, newest first. @throws {Fault} store-unavailable */
export const auditReader = (client: DynamoDBDocumentClient, table: string) => ({
  async list(
    subject: AuditSubject,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<AuditPage> {
    const pk = auditKey(subject);
    const { Items = [] } = await calling('store-unavailable', () =>
      client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': pk },
          ScanIndexForward: false,
          ConsistentRead: true,
          // One more than wanted: a cursor is given only where it leads to something.
          Limit: page.limit + 1,
          ...(page.cursor === undefined ? {} : { ExclusiveStartKey: { pk, sk: page.cursor } }),
        }),
      ),
    );
    const rows = Items.slice(0, page.limit);
    const last: unknown = Items.length > page.limit ? rows.at(-1)?.sk : undefined;
    const parsed = rows.map((row) => auditRow.safeParse(row));
    return {
      items: parsed.flatMap(({ data }) => data ?? []),
      nextCursor: typeof last === 'string' ? last : null,
      unreadable: parsed.filter(({ success }) => !success).length,
    };
  },
});

export type AuditReader = ReturnType<typeof auditReader>;
