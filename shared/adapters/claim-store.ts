import { randomUUID } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { reply } from '../contracts/agent-event.ts';
import { conversationId, type EventId } from '../contracts/ids.ts';
import { type ClaimedEvent, type ClaimStore, claimProgress, type HeldClaim } from '../domain/claim.ts';
import { Fault } from '../domain/fault.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { failedItems } from './transactions.ts';

/** Meta repeats for 7 days, the queue and its dead letters keep an event for up to 28: a claim outlives them all. */
const claimLifetimeSeconds = 30 * 24 * 60 * 60;

/** Replies that were never sent, because the router failed for good, are of no use to anybody later. */
const answerLifetimeSeconds = 24 * 60 * 60;

export const claimKey = (eventId: EventId) => ({ pk: eventId, sk: 'CLAIM' });

export const answerPrefix = 'ANSWER#';

/** An agent's replies lie with the conversation: whoever erases a customer finds them there. */
const answerKey = ({ conversationId, eventId }: ClaimedEvent) => {
  if (conversationId === null) throw new RangeError('What has no conversation has no answer');
  return { pk: conversationId, sk: `${answerPrefix}${eventId}` };
};

const claimRow = claimProgress.omit({ replies: true }).extend({ conversationId: conversationId.nullable() });
const answerRow = z.object({ replies: z.string() });

/** States from which an event may go on. What is held goes on when it is let go. */
const open = { ':leased': 'leased', ':answered': 'answered', ':sending': 'sending', ':sent': 'sent' };

/** Claims in the Events table, one item per event id, which spreads by itself. */
export const claimStore = (
  client: DynamoDBDocumentClient,
  table: string,
  leaseSeconds: number,
  now: () => number = Date.now,
): ClaimStore => {
  const held = (event: ClaimedEvent, leaseId: string, isAnswered: boolean): HeldClaim => {
    let hasAnswer = isAnswered;
    const claimUpdate = (expression: string, values: Record<string, unknown>) => ({
      TableName: table,
      Key: claimKey(event.eventId),
      UpdateExpression: expression,
      ConditionExpression: 'leaseId = :leaseId',
      ...(expression.includes('#state') ? { ExpressionAttributeNames: { '#state': 'state' } } : {}),
      ExpressionAttributeValues: { ...values, ':leaseId': leaseId },
    });
    const update = async (expression: string, values: Record<string, unknown>) => {
      try {
        await client.send(new UpdateCommand(claimUpdate(expression, values)));
      } catch (error) {
        throw hasName(error, 'ConditionalCheckFailedException') ? claimLost(error) : unavailable(error);
      }
    };
    return {
      leaseId,
      async record({ state, replies, fates, isRefused }) {
        const step = [
          `SET #state = :state, fates = :fates${isRefused === true ? ', isRefused = :true' : ''}`,
          { ':state': state, ':fates': fates, ...(isRefused === true ? { ':true': true } : {}) },
        ] as const;
        const isOver = state === 'done' || state === 'unknown';
        const TableName = table;
        const answer =
          state === 'answered'
            ? {
                Put: {
                  TableName,
                  Item: {
                    ...answerKey(event),
                    replies: JSON.stringify(replies ?? []),
                    expiresAt: inSeconds(now(), answerLifetimeSeconds),
                  },
                },
              }
            : isOver && hasAnswer
              ? { Delete: { TableName, Key: answerKey(event) } }
              : undefined;
        if (answer === undefined) return update(...step);
        const failed = await failedItems(client, [{ Update: claimUpdate(...step) }, answer]);
        if (failed === undefined) hasAnswer = !isOver;
        else throw failed.length > 0 ? claimLost() : new Fault('store-unavailable', { retryable: true });
      },
      release: (because) =>
        because === 'failed'
          ? update('SET leaseUntil = :over, failures = failures + :one', { ':over': 0, ':one': 1 })
          : update('SET leaseUntil = :over', { ':over': 0 }),
    };
  };

  /** Replies are kept as text: what is valid in JSON (depth, large numbers) need not be valid in DynamoDB. */
  const repliesTo = async (event: ClaimedEvent) => {
    const { Item } = await calling('store-unavailable', () =>
      client.send(new GetCommand({ TableName: table, Key: answerKey(event), ConsistentRead: true })),
    );
    // Expired: there is nothing left to send.
    if (Item === undefined) return null;
    const row = answerRow.safeParse(Item);
    if (!row.success) throw new Fault('row-malformed', { retryable: false });
    return z.array(reply).parse(JSON.parse(row.data.replies));
  };

  return {
    async claim(event) {
      const leaseId = randomUUID();
      const at = now();
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            TableName: table,
            Key: claimKey(event.eventId),
            UpdateExpression:
              'SET leaseId = :leaseId, leaseUntil = :until, failures = if_not_exists(failures, :zero), claims = if_not_exists(claims, :zero) + :one, tenantId = :tenantId, ' +
              // What activity is counted by: whose it was at first, and which agent gets it now.
              'credentialId = if_not_exists(credentialId, :credentialId), phoneNumberId = if_not_exists(phoneNumberId, :phoneNumberId), ' +
              'kind = if_not_exists(kind, :kind), receivedAt = if_not_exists(receivedAt, :receivedAt), agentId = :agentId, ' +
              'conversationId = if_not_exists(conversationId, :conversationId), #state = if_not_exists(#state, :leased), fates = if_not_exists(fates, :none), expiresAt = if_not_exists(expiresAt, :expiresAt), undelivered = :undelivered',
            ConditionExpression: `attribute_not_exists(pk) OR (leaseUntil < :now AND #state IN (${[...Object.keys(open), ...(event.isReleased ? [':held'] : [])].join(', ')}))`,
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: {
              ...open,
              ...(event.isReleased ? { ':held': 'held' } : {}),
              ':leaseId': leaseId,
              ':until': at + leaseSeconds * 1000,
              ':now': at,
              ':zero': 0,
              ':one': 1,
              ':tenantId': event.tenantId,
              ':credentialId': event.credentialId,
              ':phoneNumberId': event.phoneNumberId,
              ':agentId': event.agentId,
              ':kind': event.kind,
              ':receivedAt': event.receivedAt,
              ':conversationId': event.conversationId,
              ':none': [],
              ':undelivered': event.undelivered ?? null,
              ':expiresAt': inSeconds(at, claimLifetimeSeconds),
            },
            ReturnValues: 'ALL_NEW',
          }),
        );
        const row = claimRow.safeParse(Attributes);
        if (!row.success) throw new Fault('row-malformed', { retryable: false });
        const isAnswered = ['answered', 'sending', 'sent'].includes(row.data.state);
        const { conversationId, ...found } = row.data;
        // The conversation may have been joined to another since: its answer lies where it was put.
        const claimed = { ...event, conversationId };
        const progress = { ...found, replies: isAnswered ? await repliesTo(claimed) : null };
        return { outcome: 'claimed', progress, held: held(claimed, leaseId, isAnswered) };
      } catch (error) {
        if (error instanceof Fault) throw error;
        if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
      }
      const { Item } = await calling('store-unavailable', () =>
        client.send(new GetCommand({ TableName: table, Key: claimKey(event.eventId), ConsistentRead: true })),
      );
      if (Item?.state === 'done' || Item?.state === 'unknown') return { outcome: 'finished' };
      return { outcome: Item?.state === 'held' && !event.isReleased ? 'held' : 'busy' };
    },
  };
};

const claimLost = (cause?: unknown): Fault => new Fault('claim-lost', { retryable: true, cause });

const inSeconds = (at: number, seconds: number): number => Math.floor(at / 1000) + seconds;
