import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { AppId, TenantId, WabaId, WebhookId } from '../contracts/ids.ts';
import { Fault } from '../domain/fault.ts';
import { type ReceivingCredential, receivingApp, receivingCredential } from '../domain/receive-delivery.ts';
import { metaAppRecord, type WebhookRecord, webhookRecord } from '../domain/records.ts';
import type { CallbackTarget } from '../domain/set-up-webhook.ts';
import { calling, hasName, unavailable } from './aws-errors.ts';
import { appWabaPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';

const verifyTokenHashes = z.record(z.string(), z.unknown());
const hashes = z.array(z.string());
const saltRow = z.object({ salt: z.instanceof(Uint8Array) });
const cachedWebhooks = 10_000;

/** What a delivery needs of the rows that are read for every one. */
const ofApp = Object.keys(receivingApp.shape);
const ofCredential = Object.keys(receivingCredential.shape);
const ofBoth = [...ofApp, ...ofCredential];

/** As many credentials as one BatchGetItem takes with ease. */
const routesPerPage = 50;
const routeRow = receivingCredential.pick({ tenantId: true, credentialId: true });

/** The table forgets late: what has expired counts as gone. */
const isOver = ({ expiresAt }: WebhookRecord): boolean => expiresAt !== undefined && expiresAt * 1000 <= Date.now();

/** Two are needed by one set-up at a time; a few more let set-ups of several credentials of an app run at once. */
const keptTokens = 6;
const maxTokenRaces = 10;

/** Webhooks and what is needed to judge a delivery. Only what never changes is cached. @throws {Fault} store-unavailable, row-malformed */
export const webhookStore = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  const webhooks = new LRUCache<WebhookId, WebhookRecord>({ max: cachedWebhooks });
  const salts = new LRUCache<TenantId, Uint8Array>({ max: cachedWebhooks });
  return {
    async find(id: WebhookId): Promise<WebhookRecord | undefined> {
      const cached = webhooks.get(id);
      if (cached !== undefined) return cached;
      const found = await reader.get(directoryKey.webhook(id), webhookRecord);
      if (found === undefined || isOver(found)) return undefined;
      webhooks.set(id, found);
      return found;
    },

    /** Meta may verify it: neither its credential nor the last credential of its app is on its way out. Reads anew. */
    async isOpen(id: WebhookId): Promise<boolean> {
      const webhook = await reader.get(directoryKey.webhook(id), webhookRecord);
      if (webhook === undefined || webhook.expiresAt !== undefined) return false;
      if (webhook.kind === 'credential') return true;
      const app = await reader.get(directoryKey.app(webhook.appId), metaAppRecord);
      return app !== undefined && app.credentialCount > 0;
    },

    async readState(webhook: WebhookRecord) {
      const app = { key: directoryKey.app(webhook.appId), schema: receivingApp };
      if (webhook.kind === 'app') {
        const [found] = await reader.getMany([app], ofApp);
        return found === undefined ? {} : { app: found };
      }
      const key = directoryKey.credential(webhook.tenantId, webhook.credentialId);
      const [foundApp, credential] = await reader.getMany([app, { key, schema: receivingCredential }], ofBoth);
      return {
        ...(foundApp === undefined ? {} : { app: foundApp }),
        ...(credential === undefined ? {} : { credential }),
      };
    },

    /** Credentials that hear what arrives at the app's own webhook for this account, in whatever tenants. */
    async credentialsOf(appId: AppId, wabaId: WabaId): Promise<readonly ReceivingCredential[]> {
      const found: ReceivingCredential[] = [];
      let after: string | undefined;
      do {
        const page = await reader.list(
          { pk: directoryKey.app(appId).pk, prefix: appWabaPrefix(wabaId), limit: routesPerPage, after },
          routeRow,
        );
        const wanted = page.items.map((route) => ({
          key: directoryKey.credential(route.tenantId, route.credentialId),
          schema: receivingCredential,
        }));
        found.push(...(await reader.getMany(wanted, ofCredential)).filter((it) => it !== undefined));
        after = page.nextCursor ?? undefined;
      } while (after !== undefined);
      return found.filter(({ status }) => status !== 'removing');
    },

    async tenantSalt(tenantId: TenantId): Promise<Uint8Array> {
      const cached = salts.get(tenantId);
      if (cached !== undefined) return cached;
      const row = await reader.get(directoryKey.tenant(tenantId), saltRow);
      if (row === undefined) throw new Fault('row-malformed', { retryable: true });
      salts.set(tenantId, row.salt);
      return row.salt;
    },

    /** Hashes of every verify token that Meta may present for this webhook. */
    async verifyTokenHashes(id: WebhookId): Promise<readonly string[]> {
      const row = await reader.get(directoryKey.verifyTokens(id), verifyTokenHashes);
      return Object.entries(row ?? {}).flatMap(([name, value]) =>
        name.startsWith('target:') ? (hashes.safeParse(value).data ?? []) : [],
      );
    },

    /**
     * Each target keeps its latest token and the one before: Meta may ask for either while a change is under way. Several
     * set-ups at once each keep theirs, up to a few. @throws {Fault} store-unavailable, credential-removed when the webhook is closed
     */
    async addVerifyToken(id: WebhookId, target: CallbackTarget, tokenHash: string): Promise<void> {
      const attribute = `target:${target}`;
      const key = { TableName: table, Key: directoryKey.verifyTokens(id) };
      for (let attempt = 0; attempt < maxTokenRaces; attempt++) {
        const { Item } = await calling('store-unavailable', () =>
          client.send(new GetCommand({ ...key, ConsistentRead: true })),
        );
        if (Item?.expiresAt !== undefined) throw new Fault('credential-removed', { retryable: true });
        const known = hashes.safeParse(Item?.[attribute]).data;
        try {
          await client.send(
            new UpdateCommand({
              ...key,
              UpdateExpression: 'SET #target = :hashes',
              ConditionExpression: `attribute_not_exists(expiresAt) AND ${known === undefined ? 'attribute_not_exists(#target)' : '#target = :known'}`,
              ExpressionAttributeNames: { '#target': attribute },
              ExpressionAttributeValues: {
                ':hashes': [tokenHash, ...(known ?? [])].slice(0, keptTokens),
                ...(known === undefined ? {} : { ':known': known }),
              },
            }),
          );
          return;
        } catch (error) {
          if (!hasName(error, 'ConditionalCheckFailedException')) throw unavailable(error);
        }
      }
      throw new Fault('store-unavailable', { retryable: true });
    },
  };
};

export type WebhookStore = ReturnType<typeof webhookStore>;
