import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { AgentId, PhoneNumberId, TenantId } from '../contracts/ids.ts';
import type { NumberChange } from '../domain/bindings.ts';
import { type AgentRecord, agentRecord, type CountedNumber, countedNumber } from '../domain/records.ts';
import type { SealedSecret } from '../domain/vault.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { agentPrefix, directoryKey } from './directory-keys.ts';
import { directoryReader, type Page } from './directory-reader.ts';
import { type AuditLine, storeSealed } from './sealed-items.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';
import type { VaultTables } from './vault.ts';

export interface AgentChange {
  readonly before: AgentRecord | undefined;
  readonly after: AgentRecord;
  readonly numbers: readonly NumberChange[];
  /** The signing secret of a new agent. */
  readonly secret: SealedSecret | undefined;
  readonly tickets: readonly Ticket[];
}

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
  };
};

export type AgentReader = ReturnType<typeof agentReader>;

/** @throws {Fault} store-unavailable */
export const agentSaver = (client: DynamoDBDocumentClient, tables: VaultTables, audit: AuditPut) => {
  const TableName = tables.directory;
  return {
    /** The agent, its numbers and its new secret in one transaction. False when any of it changed since it was read. */
    async save(change: AgentChange): Promise<boolean> {
      const { before, after, numbers, secret, tickets } = change;
      const line: AuditLine = (entry) => audit({ tenantId: after.tenantId, subjectId: after.agentId }, entry);
      const agentPut = {
        Put: {
          TableName,
          Item: { ...after, ...directoryKey.agent(after.tenantId, after.agentId) },
          ...(before === undefined
            ? { ConditionExpression: 'attribute_not_exists(pk)' }
            : { ConditionExpression: 'version = :version', ExpressionAttributeValues: { ':version': before.version } }),
        },
      };
      const items = [
        agentPut,
        ...numbers.map((number) => numberWrite(TableName, number)),
        ...[...Map.groupBy(numbers, ({ credential }) => credential.credentialId)].map(([id, changes]) =>
          credentialWrite(TableName, directoryKey.credential(after.tenantId, id), changes),
        ),
        ...storeSealed(tables.vault, secret === undefined ? [] : [secret], line),
        ...tickets.map((ticket) => ticketPut(TableName, ticket)),
        line({ action: before === undefined ? 'create' : 'update', outcome: 'ok', about: ['agent'] }),
      ];
      return (await failedItems(client, items)) === undefined;
    },
  };
};

export type AgentSaver = ReturnType<typeof agentSaver>;

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
  const added = changes.filter(({ before, after }) => before === undefined && after !== undefined).length;
  const [bound] = changes.flatMap(({ after }) => after ?? []);
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
        ...(added === 0 ? [] : ['size(claimedNumbers) <= :room']),
      ].join(' AND '),
      ExpressionAttributeNames: {
        '#status': 'status',
        ...Object.fromEntries(changes.map(({ phoneNumberId }, index) => [`#n${index}`, phoneNumberId])),
      },
      ExpressionAttributeValues: {
        ':removing': 'removing',
        ...(bound === undefined ? {} : { ':secretVersion': bound.secretVersion }),
        ...(added === 0 ? {} : { ':room': maxClaimedNumbers - added }),
        ...Object.fromEntries(claims.flatMap(({ value, claimed }) => (claimed ? [[value, claimed]] : []))),
      },
    },
  };
};
