import { paginateScan } from '@aws-sdk/lib-dynamodb';
import { dynamoDbOf, type EngineName } from './engines.ts';

/** Everything in a table. */
export async function rowsOf(engine: EngineName, table: string): Promise<readonly Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const page of paginateScan({ client: dynamoDbOf(engine) }, { TableName: table, ConsistentRead: true }))
    rows.push(...(page.Items ?? []));
  return rows;
}
