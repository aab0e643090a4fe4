import { type DynamoDBDocumentClient, paginateQuery, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import { unavailable } from './aws-errors.ts';

/** Every row that a query finds; a page of them is read when whoever takes them gets so far. @throws {Fault} store-unavailable */
export async function* queryRows(
  client: DynamoDBDocumentClient,
  query: QueryCommandInput,
): AsyncGenerator<Record<string, unknown>, void> {
  try {
    for await (const { Items = [] } of paginateQuery({ client }, query)) yield* Items;
  } catch (error) {
    throw unavailable(error);
  }
}
