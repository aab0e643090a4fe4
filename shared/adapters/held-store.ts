import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { heldDays } from '../contracts/held.ts';
import {
  agentId,
  type ConversationId,
  conversationId,
  credentialId,
  eventId,
  type PhoneNumberId,
  phoneNumberId,
  type TenantId,
  tenantId,
} from '../contracts/ids.ts';
import { changed, newConversation } from '../domain/conversation.ts';
import { Fault } from '../domain/fault.ts';
import type { HeldConversation, HeldEvent, HeldStore } from '../domain/hold-event.ts';
import type { ConversationRecord } from '../domain/records.ts';
import { calling } from './aws-errors.ts';
import { claimKey } from './claim-store.ts';
import type { Page } from './directory-reader.ts';
import { queryRows } from './query-rows.ts';
import { conversationPut } from './routing-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';

/** Bodies in the relay bucket live as long. In seconds. */
const heldSeconds = heldDays * 24 * 60 * 60;

/** The conversations of one number are spread over so many partitions. */
const shards = 16;

const linePrefix = 'HELD#';
const setAsidePrefix = 'ASIDE#';

/** Only the first is wanted; more are read where some may be skipped. */
const rowsAtOnce = 5;

/** Digits of a place, so that text sorts like numbers. */
const placeDigits = 12;

const heldRow = z.object({
  sk: z.string(),
  conversationId,
  eventId,
  agentId,
  relayKey: z.string(),
  heldSince: z.iso.datetime(),
});
const listedRow = z.object({
  tenantId,
  credentialId,
  phoneNumberId,
  conversationId,
  agentId,
  agentIds: z.set(agentId).transform((agents) => [...agents]),
  heldSince: z.iso.datetime(),
});

export interface HeldTables {
  readonly directory: string;
  readonly events: string;
}

const partitionOf = (tenant: TenantId, number: PhoneNumberId, shard: number): string =>
  `HELD#${tenant}#${number}#${shard}`;

/** Spreads by the last characters of an id, which is a hash. */
const listedKey = (tenant: TenantId, number: PhoneNumberId, id: ConversationId) => ({
  pk: partitionOf(tenant, number, (Buffer.from(id).at(-1) as number) % shards),
  sk: id,
});

/** Takes rows out of a line; a conversation of which nothing is left there is off the list. */
export const lineItems = (
  tables: HeldTables,
  before: ConversationRecord,
  after: ConversationRecord,
  rows: readonly Pick<HeldEvent, 'conversationId' | 'place'>[],
): readonly TransactItem[] => [
  conversationPut(tables.directory, before, after),
  ...rows.map(({ conversationId, place }) => ({
    Delete: {
      TableName: tables.events,
      Key: { pk: conversationId, sk: place },
      ConditionExpression: 'attribute_exists(pk)',
    },
  })),
  ...(after.heldCount + after.setAsideCount === 0
    ? [
        {
          Delete: {
            TableName: tables.events,
            Key: listedKey(before.tenantId, before.phoneNumberId, before.conversationId),
          },
        },
      ]
    : []),
];

/** Counts that say so many fewer, never fewer than none: what has expired was not counted off. */
export const fewer = (
  { heldCount, setAsideCount }: ConversationRecord,
  isSetAside: boolean,
  rows: number,
): Pick<ConversationRecord, 'heldCount'> | Pick<ConversationRecord, 'setAsideCount'> =>
  isSetAside ? { setAsideCount: Math.max(0, setAsideCount - rows) } : { heldCount: Math.max(0, heldCount - rows) };

const placeOf = (number: number): string => String(number).padStart(placeDigits, '0');

const parsedRow = (row: unknown): Omit<HeldEvent, 'isSetAside'> => {
  const result = heldRow.safeParse(row);
  if (!result.success) throw new Fault('row-malformed', { retryable: false });
  const { sk, ...event } = result.data;
  return { ...event, place: sk };
};

/** What stands in a line of what was there when so many had ever been held, the first first. @throws {Fault} store-unavailable, row-malformed */
export const inLineBefore = async (
  client: DynamoDBDocumentClient,
  table: string,
  line: {
    readonly conversationId: ConversationId;
    readonly heldEver: number;
    readonly isSetAside: boolean;
    readonly limit: number;
  },
): Promise<readonly Omit<HeldEvent, 'isSetAside'>[]> => {
  if (line.heldEver === 0) return [];
  const prefix = line.isSetAside ? setAsidePrefix : linePrefix;
  const { Items = [] } = await calling('store-unavailable', () =>
    client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: {
          ':pk': line.conversationId,
          ':first': `${prefix}${placeOf(0)}`,
          ':last': `${prefix}${placeOf(line.heldEver - 1)}`,
        },
        ConsistentRead: true,
        Limit: line.limit,
      }),
    ),
  );
  return Items.map(parsedRow);
};

/** Lines of held events, by conversation. @throws {Fault} store-unavailable, row-malformed */
export const heldStore = (client: DynamoDBDocumentClient, tables: HeldTables): HeldStore => {
  const write = async (items: readonly TransactItem[]): Promise<boolean> =>
    (await failedItems(client, items)) === undefined;

  const shorten = async (
    before: ConversationRecord,
    event: HeldEvent,
    change: Partial<ConversationRecord>,
    more: readonly TransactItem[],
  ) => {
    const after = changed(before, change, new Date());
    const done = await write([...lineItems(tables, before, after, [event]), ...more]);
    return done ? after : undefined;
  };

  const firstRow = async (id: ConversationId, prefix: string, isWanted: (heldSince: Date) => boolean) => {
    const rows = queryRows(client, {
      TableName: tables.events,
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': id, ':prefix': prefix },
      ConsistentRead: true,
      Limit: rowsAtOnce,
    });
    for await (const row of rows) {
      const event = parsedRow(row);
      if (isWanted(new Date(event.heldSince))) return event;
    }
    return undefined;
  };

  return {
    async hold({ conversation, envelope, leaseId, now, isSetAside, change, ...held }) {
      const before = conversation ?? newConversation(envelope, now);
      const place = `${isSetAside ? setAsidePrefix : linePrefix}${placeOf(before.heldEver)}`;
      const heldSince = now.toISOString();
      const expiresAt = Math.floor(now.getTime() / 1000) + heldSeconds;
      const after = changed(
        before,
        {
          ...change,
          heldEver: before.heldEver + 1,
          ...(isSetAside ? { setAsideCount: before.setAsideCount + 1 } : { heldCount: before.heldCount + 1 }),
        },
        now,
      );
      const { tenantId: tenant, phoneNumberId: number, conversationId: id } = envelope;
      return write([
        conversationPut(tables.directory, conversation, after),
        {
          Put: {
            TableName: tables.events,
            Item: {
              pk: id,
              sk: place,
              tenantId: tenant,
              phoneNumberId: number,
              conversationId: id,
              ...held,
              heldSince,
              expiresAt,
            },
            ConditionExpression: 'attribute_not_exists(pk)',
          },
        },
        {
          Update: {
            TableName: tables.events,
            Key: listedKey(tenant, number, id),
            UpdateExpression:
              'SET tenantId = :tenantId, credentialId = :credentialId, phoneNumberId = :number, conversationId = :id, agentId = :agentId, ' +
              'heldSince = if_not_exists(heldSince, :now), expiresAt = :expiresAt ADD agentIds :agentIds',
            ExpressionAttributeValues: {
              ':tenantId': tenant,
              ':credentialId': envelope.credentialId,
              ':number': number,
              ':id': id,
              ':agentId': held.agentId,
              ':agentIds': new Set([held.agentId]),
              ':now': heldSince,
              ':expiresAt': expiresAt,
            },
          },
        },
        {
          Update: {
            TableName: tables.events,
            Key: claimKey(held.eventId),
            // It starts anew when it is let go: rounds at a target that was down say nothing about the event.
            UpdateExpression: 'SET #state = :held, leaseUntil = :over, failures = :none',
            ConditionExpression: 'leaseId = :leaseId',
            ExpressionAttributeNames: { '#state': 'state' },
            ExpressionAttributeValues: { ':held': 'held', ':over': 0, ':none': 0, ':leaseId': leaseId },
          },
        },
      ]);
    },

    async first(id, { setAside, notBefore = null, notAfter = null }) {
      // Those set aside may be skipped; those in line never.
      if (setAside) {
        const waiting = await firstRow(
          id,
          setAsidePrefix,
          (heldSince) => (notBefore === null || heldSince >= notBefore) && (notAfter === null || heldSince <= notAfter),
        );
        if (waiting !== undefined) return { ...waiting, isSetAside: true };
      }
      const first = await firstRow(id, linePrefix, () => true);
      return first && { ...first, isSetAside: false };
    },

    remove: (conversation, event) => shorten(conversation, event, fewer(conversation, event.isSetAside, 1), []),

    setAside: (conversation, { place, isSetAside: _, ...event }) =>
      shorten(
        conversation,
        { ...event, place, isSetAside: false },
        { ...fewer(conversation, false, 1), setAsideCount: conversation.setAsideCount + 1 },
        [
          {
            Put: {
              TableName: tables.events,
              Item: {
                pk: event.conversationId,
                sk: place.replace(linePrefix, setAsidePrefix),
                tenantId: conversation.tenantId,
                phoneNumberId: conversation.phoneNumberId,
                ...event,
                expiresAt: Math.floor(new Date(event.heldSince).getTime() / 1000) + heldSeconds,
              },
            },
          },
        ],
      ),

    async reset(conversation) {
      const after = changed(conversation, { heldCount: 0 }, new Date());
      return (await write([conversationPut(tables.directory, conversation, after)])) ? after : undefined;
    },
  };
};

/** @throws {Fault} store-unavailable */
export const heldReader = (client: DynamoDBDocumentClient, table: string) => ({
  /**
   * A page of the conversations of some numbers of which something is held, in no particular order; it may be shorter than `limit`. The cursor
   * says where it ended: number, partition, conversation.
   */
  async page(
    tenant: TenantId,
    numbers: readonly PhoneNumberId[],
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<HeldConversation>> {
    const [, number, shard, last] = /^(\d+)_(\d+)_(conv_.+)$/.exec(cursor ?? '') ?? [];
    const items: HeldConversation[] = [];
    const places = numbers.flatMap((id) => Array.from({ length: shards }, (_, index) => ({ id, index })));
    const begin =
      cursor === undefined ? 0 : places.findIndex(({ id, index }) => id === number && index === Number(shard));
    // A number that the credential has lost since: there is no more of this list.
    if (begin < 0) return { items, nextCursor: null };
    for (const [offset, { id, index }] of places.slice(begin).entries()) {
      const after = offset === 0 && last !== undefined ? last : undefined;
      const { Items = [], LastEvaluatedKey } = await calling('store-unavailable', () =>
        client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: after === undefined ? 'pk = :pk' : 'pk = :pk AND sk > :after',
            ExpressionAttributeValues: {
              ':pk': partitionOf(tenant, id, index),
              ...(after === undefined ? {} : { ':after': after }),
            },
            ConsistentRead: true,
            Limit: limit - items.length,
          }),
        ),
      );
      // Rows that nobody can read keep none of the others waiting.
      items.push(...Items.flatMap((row) => listedRow.safeParse(row).data ?? []));
      const end: unknown = Items.at(-1)?.sk;
      // There is more behind the last one, or may be.
      if (typeof end === 'string' && (LastEvaluatedKey !== undefined || items.length >= limit))
        return { items, nextCursor: `${id}_${index}_${end}` };
    }
    return { items, nextCursor: null };
  },
});

export type HeldReader = ReturnType<typeof heldReader>;
