import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { encodeTime } from 'ulid';
import { type AuditItem, auditRow } from '../../shared/contracts/audit.ts';

/** The characters of a ULID that stand for its time. */
const timeCharacters = 10;

export interface OwnLines {
  readonly items: readonly AuditItem[];
  /** Rows below the credential that are no lines of ours. */
  readonly unreadable: number;
}

/** Our own lines on a credential from a time on, oldest first, read with the rights of whoever asks. */
export async function ownLines(
  client: DynamoDBClient,
  table: string,
  subject: { readonly tenantId: string; readonly credentialId: string },
  since: Date,
): Promise<OwnLines> {
  const query = {
    TableName: table,
    KeyConditionExpression: 'pk = :pk AND sk >= :since',
    ExpressionAttributeValues: {
      ':pk': `${subject.tenantId}#${subject.credentialId}`,
      ':since': encodeTime(since.getTime(), timeCharacters),
    },
    ConsistentRead: true,
  };
  const rows: unknown[] = [];
  for await (const page of paginateQuery({ client: DynamoDBDocumentClient.from(client) }, query))
    rows.push(...(page.Items ?? []));
  const parsed = rows.map((row) => auditRow.safeParse(row));
  return {
    items: parsed.flatMap(({ data }) => data ?? []),
    unreadable: parsed.filter(({ success }) => !success).length,
  };
}
