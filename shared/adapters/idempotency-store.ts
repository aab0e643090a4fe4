import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { TenantId } from '../contracts/ids.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { directoryKey } from './directory-keys.ts';

/** How long the first answer is remembered, and how long a request may run before it counts as dead. In seconds. */
const rememberedSeconds = 24 * 60 * 60;
const runningSeconds = 60;

/** DynamoDB's limit of an item is 400 KB. In bytes. */
const maxAnswerBytes = 300 * 1024;

const row = z.object({
  bodyDigest: z.string(),
  runningUntil: z.number(),
  expiresAt: z.number(),
  answer: z.string().optional(),
  shown: z.boolean().optional(),
});

export type Beginning =
  | { readonly outcome: 'first' }
  | { readonly outcome: 'running' }
  | { readonly outcome: 'another-request' }
  /** The answer held a secret: it was not kept. */
  | { readonly outcome: 'shown' }
  | { readonly outcome: 'answered'; readonly answer: string };

/** The first answer to each request that a client may repeat. Holds digests and answers, never a secret. @throws {Fault} store-unavailable */
export const idempotencyStore = (client: DynamoDBDocumentClient, table: string, now: () => number = Date.now) => {
  const keyed = (tenantId: TenantId, digest: string) => ({
    TableName: table,
    Key: directoryKey.idempotency(tenantId, digest),
  });
  return {
    /** Takes the right to answer, unless somebody has it or has answered. One who died loses it after a minute. */
    async begin(tenantId: TenantId, digest: string, bodyDigest: string): Promise<Beginning> {
      const at = Math.floor(now() / 1000);
      const { TableName, Key } = keyed(tenantId, digest);
      try {
        await client.send(
          new PutCommand({
            TableName,
            Item: { ...Key, bodyDigest, runningUntil: at + runningSeconds, expiresAt: at + rememberedSeconds },
            ConditionExpression:
              'attribute_not_exists(pk) OR expiresAt <= :now OR (runningUntil <= :now AND bodyDigest = :body AND attribute_not_exists(answer) AND attribute_not_exists(shown))',
            ExpressionAttributeValues: { ':now': at, ':body': bodyDigest },
          }),
        );
        return { outcome: 'first' };
      } catch (error) {
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
      const { Item } = await calling('store-unavailable', () =>
        client.send(new GetCommand({ TableName, Key, ConsistentRead: true })),
      );
      const known = row.safeParse(Item);
      if (!known.success) return { outcome: 'running' };
      if (known.data.bodyDigest !== bodyDigest) return { outcome: 'another-request' };
      if (known.data.shown === true) return { outcome: 'shown' };
      return known.data.answer === undefined
        ? { outcome: 'running' }
        : { outcome: 'answered', answer: known.data.answer };
    },

    /** Undefined: it held a secret. */
    async finish(tenantId: TenantId, digest: string, answer: string | undefined): Promise<void> {
      const isKept = answer !== undefined && Buffer.byteLength(answer) <= maxAnswerBytes;
      await calling('store-unavailable', () =>
        client.send(
          new UpdateCommand({
            ...keyed(tenantId, digest),
            UpdateExpression: isKept ? 'SET answer = :answer' : 'SET shown = :shown',
            ConditionExpression: 'attribute_exists(pk)',
            ExpressionAttributeValues: isKept ? { ':answer': answer } : { ':shown': true },
          }),
        ),
      );
    },

    /** Nothing was done: the next one is the first again. */
    async forget(tenantId: TenantId, digest: string): Promise<void> {
      await calling('store-unavailable', () => client.send(new DeleteCommand(keyed(tenantId, digest))));
    },
  };
};

export type IdempotencyStore = ReturnType<typeof idempotencyStore>;
