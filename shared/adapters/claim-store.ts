import { randomUUID } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { EventId } from '../contracts/ids.ts';
import { type ClaimStore, claimProgress, type HeldClaim } from '../domain/claim.ts';
import { Fault } from '../domain/fault.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';

/** Meta repeats for 7 days, the queue and its dead letters keep an event for up to 28: a claim outlives them all. */
const claimLifetimeSeconds = 30 * 24 * 60 * 60;

/** Replies are kept as text: what is valid in JSON (depth, large numbers) need not be valid in DynamoDB. */
const storedReplies = (stored: unknown): unknown => (typeof stored === 'string' ? JSON.parse(stored) : null);

/** Claims in the Events table, one item per event id, which spreads by itself. */
export const claimStore = (
  client: DynamoDBDocumentClient,
  table: string,
  leaseSeconds: number,
  now: () => number = Date.now,
): ClaimStore => {
  const keyOf = (eventId: EventId) => ({ pk: eventId, sk: 'CLAIM' });

  const held = (eventId: EventId, leaseId: string): HeldClaim => {
    const update = async (expression: string, names: Record<string, string>, values: Record<string, unknown>) => {
      try {
        await client.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(eventId),
            UpdateExpression: expression,
            ConditionExpression: 'leaseId = :leaseId',
            ...(Object.keys(names).length === 0 ? {} : { ExpressionAttributeNames: names }),
            ExpressionAttributeValues: { ...values, ':leaseId': leaseId },
          }),
        );
      } catch (error) {
        const lost = hasName(error, 'ConditionalCheckFailedException');
        throw new Fault(lost ? 'claim-lost' : 'store-unavailable', { retryable: true, cause: error });
      }
    };
    return {
      record: ({ state, replies, fates }) =>
        update(
          replies === null
            ? 'SET #state = :state, fates = :fates REMOVE replies'
            : 'SET #state = :state, fates = :fates, replies = :replies',
          { '#state': 'state' },
          { ':state': state, ':fates': fates, ...(replies === null ? {} : { ':replies': JSON.stringify(replies) }) },
        ),
      release: () => update('SET leaseUntil = :over', {}, { ':over': 0 }),
    };
  };

  return {
    async claim(eventId, tenantId) {
      const leaseId = randomUUID();
      const at = now();
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            TableName: table,
            Key: keyOf(eventId),
            UpdateExpression:
              'SET leaseId = :leaseId, leaseUntil = :until, attempts = if_not_exists(attempts, :zero) + :one, tenantId = :tenantId, ' +
              '#state = if_not_exists(#state, :leased), fates = if_not_exists(fates, :none), expiresAt = if_not_exists(expiresAt, :expiresAt)',
            ConditionExpression:
              'attribute_not_exists(pk) OR (leaseUntil < :now AND #state IN (:leased, :answered, :sending, :sent))',
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ':leaseId': leaseId,
              ':until': at + leaseSeconds * 1000,
              ':now': at,
              ':zero': 0,
              ':one': 1,
              ':tenantId': tenantId,
              ':none': [],
              ':expiresAt': Math.floor(at / 1000) + claimLifetimeSeconds,
              ':leased': 'leased',
              ':answered': 'answered',
              ':sending': 'sending',
              ':sent': 'sent',
            },
            ReturnValues: 'ALL_NEW',
          }),
        );
        const progress = claimProgress.safeParse({ ...Attributes, replies: storedReplies(Attributes?.replies) });
        if (!progress.success) throw new Fault('row-malformed', { retryable: false });
        return { outcome: 'claimed', progress: progress.data, held: held(eventId, leaseId) };
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
      const { Item } = await calling('store-unavailable', () =>
        client.send(new GetCommand({ TableName: table, Key: keyOf(eventId), ConsistentRead: true })),
      );
      return Item?.state === 'done' || Item?.state === 'unknown' ? { outcome: 'finished' } : { outcome: 'busy' };
    },
  };
};
