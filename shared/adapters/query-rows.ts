import { type DynamoDBDocumentClient, paginateQuery, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import { unavailable } from './aws-errors.ts';

/**
 * Every row that a query finds; a page of them is read when whoever takes them gets so far. Ends with whether these are all, which they are unless they
 * take more than `mostPages`. @throws {Fault} store-unavailable
 */
export async function* queryRows(
  client: DynamoDBDocumentClient,
  query: QueryCommandInput,
  mostPages = Number.POSITIVE_INFINITY,
): AsyncGenerator<Record<string, unknown>, { readonly isComplete: boolean }> {
  let pages = 0;
  try {
    for await (const { Items = [], LastEvaluatedKey } of paginateQuery({ client }, query)) {
      yield* Items;
      if (++pages === mostPages && LastEvaluatedKey !== undefined) return { isComplete: false };
    }
  } catch (error) {
    throw unavailable(error);
  }
  return { isComplete: true };
}
