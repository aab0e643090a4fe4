import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';

import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateScan,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';

import { awsClient } from './aws.ts';

export type Row = Readonly<Record<string, unknown>> & { readonly pk: string; readonly sk: string };
export type TableNoun = 'Directory' | 'Vault' | 'Events' | 'Audit';

const nouns: Readonly<Record<TableNoun, RegExp>> = {
  Directory: /-Directory/,
  Vault: /-CredentialVault/,
  Events: /-EventStore/,
  Audit: /-AuditLog/,
};

const client = new DynamoDBClient(awsClient);
const documents = DynamoDBDocumentClient.from(client);
let names: readonly string[] = [];

async function tableNamed(noun: TableNoun): Promise<string> {
  if (names.length === 0) {
    const found: string[] = [];
    for await (const page of paginateListTables({ client }, {})) found.push(...(page.TableNames ?? []));
    names = found;
  }
  const matching = names.filter((name) => nouns[noun].test(name));
  if (matching[0] === undefined || matching.length > 1) throw new Error(`Not exactly one table is the ${noun}.`);
  return matching[0];
}

/** Everything in a table. */
export async function rowsOf(noun: TableNoun): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const page of paginateScan(
    { client: documents },
    { TableName: await tableNamed(noun), ConsistentRead: true },
  ))
    rows.push(...((page.Items ?? []) as Row[]));
  return rows;
}

/** Three things that an administrator of the account can do to the audit, and no function. */
export async function addAuditRow(row: Row): Promise<void> {
  await documents.send(new PutCommand({ TableName: await tableNamed('Audit'), Item: row }));
}

export async function changeAuditRow({ pk, sk }: Row, actor: string): Promise<void> {
  await documents.send(
    new UpdateCommand({
      TableName: await tableNamed('Audit'),
      Key: { pk, sk },
      UpdateExpression: 'SET actor = :actor',
      ExpressionAttributeValues: { ':actor': actor },
    }),
  );
}

export async function removeAuditRow({ pk, sk }: Row): Promise<void> {
  await documents.send(new DeleteCommand({ TableName: await tableNamed('Audit'), Key: { pk, sk } }));
}

/** What exists of customers' things: keys of the Directory and of the Vault; of what comes and goes by itself only the tenant's. */
export async function storedKeys(tenant: string): Promise<readonly string[]> {
  const rows = (await Promise.all([rowsOf('Directory'), rowsOf('Vault')])).flat();
  const byItself = (pk: string) => ['WORK', 'META', 'DUE#', 'TOLD#'].some((prefix) => pk.startsWith(prefix));
  return rows
    .filter((row) => !byItself(row.pk) || JSON.stringify(row).includes(tenant))
    .map(({ pk, sk }) => `${pk} ${sk}`)
    .sort();
}

/** Puts a row as nobody but the account's owner can, for states that only a crash or the time brings about. */
export async function putRow(noun: TableNoun, row: Row): Promise<void> {
  await documents.send(new PutCommand({ TableName: await tableNamed(noun), Item: row }));
}

/** Takes a row away, as its time to live does. */
export async function dropRow(noun: TableNoun, { pk, sk }: Row): Promise<void> {
  await documents.send(new DeleteCommand({ TableName: await tableNamed(noun), Key: { pk, sk } }));
}

/** The row of a credential. @throws when there is none */
export async function credentialRow(id: string): Promise<Row> {
  const row = (await rowsOf('Directory')).find(({ sk }) => sk === `CRED#${id}`);
  if (row === undefined) throw new Error(`There is no row of ${id}.`);
  return row;
}

/** The lines of the audit about a credential, an agent or an app, the oldest first. */
export async function auditOf(subjectId: string): Promise<readonly Row[]> {
  return (await rowsOf('Audit'))
    .filter(({ pk }) => pk.endsWith(`#${subjectId}`))
    .sort((one, other) => (one.sk < other.sk ? -1 : 1));
}

/** What the Vault holds of an owner (a credential, an agent, `app_…`): purpose and edition. */
export async function sealedOf(ownerId: string): Promise<readonly string[]> {
  return (await rowsOf('Vault'))
    .filter((row) => row.ownerId === ownerId)
    .map(({ purpose, secretVersion }) => `${String(purpose)} ${String(secretVersion)}`)
    .sort();
}

export interface ClaimRow {
  readonly state: string;
  readonly fates: readonly { readonly fate: string }[];
  readonly tenantId: string;
  readonly attempts: number;
  readonly replies?: unknown;
}

/** How far an event has come; undefined when nobody has claimed it. */
export async function claimOf(eventId: string): Promise<ClaimRow | undefined> {
  const { Item } = await documents.send(
    new GetCommand({ TableName: await tableNamed('Events'), Key: { pk: eventId, sk: 'CLAIM' }, ConsistentRead: true }),
  );
  return Item as ClaimRow | undefined;
}
