import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { type AgentId, agentId, agentKeyId, type PhoneNumberId, type TenantId, tenantId } from '../contracts/ids.ts';
import type { AgentChanges } from '../domain/agent-edition.ts';
import type { AgentKeyOwner } from '../domain/agent-key.ts';
import type { NumberChange } from '../domain/bindings.ts';
import {
  type AgentKeyRecord,
  type AgentRecord,
  agentRecord,
  type CountedNumber,
  countedNumber,
} from '../domain/records.ts';
import type { AuditPut } from './audit-log.ts';
import { agentPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader, type Page } from './directory-reader.ts';
import { type AuditLine, shredSealed, storeSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems, type TransactItem } from './transactions.ts';
import type { VaultTables } from './vault.ts';

/** What bounds a transaction: a change of secrets writes every claimed number of a credential at once. */
export const maxClaimedNumbers = 50;

/** Reads agents and the numbers that they answer. @throws {Fault} store-unavailable, row-malformed */
export const agentReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  return {
    find: (tenantId: TenantId, id: AgentId): Promise<AgentRecord | undefined> =>
      reader.get(directoryKey.agent(tenantId, id), agentRecord),

    list: (tenantId: TenantId, limit: number, after?: string): Promise<Page<AgentRecord>> =>
      reader.list({ pk: directoryKey.tenant(tenantId).pk, prefix: agentPrefix, limit, after }, agentRecord),

    readNumber: (id: PhoneNumberId): Promise<CountedNumber | undefined> =>
      reader.get(directoryKey.number(id), countedNumber),

    async readNumbers(ids: readonly PhoneNumberId[]): Promise<ReadonlyMap<PhoneNumberId, CountedNumber>> {
      const wanted = [...new Set(ids)].map((id) => ({ key: directoryKey.number(id), schema: countedNumber }));
      const found = await reader.getMany(wanted);
      return new Map(found.flatMap((number) => (number === undefined ? [] : [[number.phoneNumberId, number]])));
    },

    async lastEdition(tenantId: TenantId, id: AgentId): Promise<number> {
      return (await reader.get(directoryKey.formerAgent(tenantId, id), formerAgent))?.secretVersion ?? 0;
    },
  };
};

export type AgentReader = ReturnType<typeof agentReader>;

const agentKeyOwner = z.object({ tenantId, agentId, keyId: agentKeyId });

/** Whose an agent's key is, by its digest: nobody's from the moment in which it is revoked. @throws {Fault} store-unavailable, row-malformed */
export const agentKeyReader = (client: DynamoDBDocumentClient, table: string) => {
  const reader = directoryReader(client, table);
  return {
    ownerOf: (digest: string): Promise<AgentKeyOwner | undefined> =>
      reader.get(directoryKey.agentKey(digest), agentKeyOwner),
  };
};

/**
 * What is left of an agent: the edition of its last signing secret. A new agent of the same id goes on counting, so that no edition ever
 * means two secrets, to the audit as little as to a router that has one of them at hand.
 */
const formerAgent = z.object({ secretVersion: z.int().min(1) });

/** Everything about an agent that somebody else may have changed since it was read. A row of before has no column for null, or for no keys. */
const asItWas = (agent: AgentRecord) => {
  const { version, secretVersion, previousSecretVersion, pausedAt, agentKeys } = agent;
  const columns = Object.entries({ version, secretVersion, previousSecretVersion, pausedAt, agentKeys });
  const mayLack = (value: unknown) => value === null || (Array.isArray(value) && value.length === 0);
  return {
    ConditionExpression: columns
      .map(([name, value]) => `(${name} = :${name}${mayLack(value) ? ` OR attribute_not_exists(${name})` : ''})`)
      .concat('attribute_exists(pk)')
      .join(' AND '),
    ExpressionAttributeValues: Object.fromEntries(columns.map(([name, value]) => [`:${name}`, value])),
  };
};

/** @throws {Fault} store-unavailable */
export const agentSaver = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut): AgentChanges => {
  const TableName = tables.directory;
  return {
    async save({ before, after, numbers, sealed, retired, tickets, about }) {
      const agent = after ?? before;
      if (agent === undefined) throw new RangeError('A change is about an agent');
      const { tenantId, agentId, secretVersion } = agent;
      const line: AuditLine = (entry) => audit({ tenantId, subjectId: agentId }, entry);
      const action = before === undefined ? 'create' : after === undefined ? 'remove' : 'update';
      const Key = directoryKey.agent(tenantId, agentId);
      const former = directoryKey.formerAgent(tenantId, agentId);
      const isUnchanged = before === undefined ? { ConditionExpression: 'attribute_not_exists(pk)' } : asItWas(before);
      const items: TransactItem[] = [
        after === undefined
          ? { Delete: { TableName, Key, ...isUnchanged } }
          : { Put: { TableName, Item: { ...after, ...Key }, ...isUnchanged } },
        ...(before === undefined ? [formerAgentTakenOver(TableName, former, secretVersion)] : []),
        ...(after === undefined ? [{ Put: { TableName, Item: { ...former, secretVersion } } }] : []),
        ...keyWrites(TableName, agent, before?.agentKeys ?? [], after?.agentKeys ?? []),
        ...numbers.map((number) => numberWrite(TableName, number)),
        ...[...Map.groupBy(numbers, ({ credential }) => credential.credentialId)].map(([id, changes]) =>
          credentialWrite(TableName, directoryKey.credential(tenantId, id), changes),
        ),
        ...storeSealed(tables.vault, sealed, line),
        ...shredSealed(tables.vault, retired, line),
        ...tickets.map((ticket) => ticketPut(TableName, ticket)),
        line({ action, outcome: 'ok', about }),
      ];
      return (await failedItems(client, items)) === undefined;
    },
  };
};

/** A key is found by its digest from the moment in which it is the agent's until it is not. */
const keyWrites = (
  TableName: string,
  { tenantId, agentId }: AgentRecord,
  before: readonly AgentKeyRecord[],
  after: readonly AgentKeyRecord[],
): readonly TransactItem[] => {
  const isIn = (keys: readonly AgentKeyRecord[], { keyId }: AgentKeyRecord) => keys.some((key) => key.keyId === keyId);
  return [
    ...before
      .filter((key) => !isIn(after, key))
      .map(({ digest }) => ({ Delete: { TableName, Key: directoryKey.agentKey(digest) } })),
    ...after
      .filter((key) => !isIn(before, key))
      .map(({ digest, keyId }) => ({
        Put: {
          TableName,
          Item: { ...directoryKey.agentKey(digest), tenantId, agentId, keyId },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      })),
  ];
};

/** A new agent takes the place of a former one, whose count it goes on from. */
const formerAgentTakenOver = (TableName: string, Key: object, secretVersion: number): TransactItem => ({
  Delete: {
    TableName,
    Key,
    ...(secretVersion === 1
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : { ConditionExpression: 'secretVersion = :last', ExpressionAttributeValues: { ':last': secretVersion - 1 } }),
  },
});

const numberWrite = (TableName: string, { phoneNumberId, before, after }: NumberChange) => {
  const Key = directoryKey.number(phoneNumberId);
  const unchanged =
    before === undefined
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : {
          // The owner too: a number that was released and claimed by somebody else meanwhile counts from the beginning again.
          ConditionExpression: 'revision = :revision AND tenantId = :tenantId AND credentialId = :credentialId',
          ExpressionAttributeValues: {
            ':revision': before.revision,
            ':tenantId': before.tenantId,
            ':credentialId': before.credentialId,
          },
        };
  return after === undefined
    ? { Delete: { TableName, Key, ...unchanged } }
    : { Put: { TableName, Item: { ...after, ...Key, revision: (before?.revision ?? 0) + 1 }, ...unchanged } };
};

/** The credential item tells the receiver which numbers are claimed and what their agents want. A transaction writes it once. */
const credentialWrite = (TableName: string, Key: object, changes: readonly NumberChange[]) => {
  const added = changes.flatMap(({ before, after }) => (before === undefined && after !== undefined ? [after] : []));
  const [bound] = changes.flatMap(({ after }) => after ?? []);
  const stops = added.some(({ stopped }) => stopped !== null);
  const claims = changes.map(({ claimed }, index) => ({
    path: `claimedNumbers.#n${index}`,
    value: `:c${index}`,
    claimed,
  }));
  const set = claims.filter(({ claimed }) => claimed).map(({ path, value }) => `${path} = ${value}`);
  const remove = claims.filter(({ claimed }) => !claimed).map(({ path }) => path);
  return {
    Update: {
      TableName,
      Key,
      UpdateExpression: [
        ...(set.length === 0 ? [] : [`SET ${set.join(', ')}`]),
        ...(remove.length === 0 ? [] : [`REMOVE ${remove.join(', ')}`]),
      ].join(' '),
      ConditionExpression: [
        'attribute_exists(pk) AND #status <> :removing',
        // A number that names a former edition of the secrets would go deaf.
        ...(bound === undefined ? [] : ['secretVersion = :secretVersion']),
        ...(added.length === 0 ? [] : ['size(claimedNumbers) <= :room']),
        // A new number is stopped when its account is, else whoever stops or reinstates that would not find it.
        ...(added.length === 0
          ? []
          : stops
            ? ['(attribute_exists(verdict.reason) OR standing.isStopped = :stops)']
            : [
                'attribute_not_exists(verdict.reason)',
                '(attribute_not_exists(standing.isStopped) OR standing.isStopped = :stops)',
              ]),
      ].join(' AND '),
      ExpressionAttributeNames: {
        '#status': 'status',
        ...Object.fromEntries(changes.map(({ phoneNumberId }, index) => [`#n${index}`, phoneNumberId])),
      },
      ExpressionAttributeValues: {
        ':removing': 'removing',
        ...(bound === undefined ? {} : { ':secretVersion': bound.secretVersion }),
        ...(added.length === 0 ? {} : { ':room': maxClaimedNumbers - added.length, ':stops': stops }),
        ...Object.fromEntries(claims.flatMap(({ value, claimed }) => (claimed ? [[value, claimed]] : []))),
      },
    },
  };
};
