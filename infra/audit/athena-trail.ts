import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AthenaClient,
  GetQueryExecutionCommand,
  paginateGetQueryResults,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import * as z from 'zod';
import { Refusal } from '../local/refusal.ts';
import { jsonOf } from '../operator-command.ts';
import { eachOnce, openOf, type Trail, type TrailOpen, type TrailQuestion } from './trail.ts';

export interface AthenaTrailProps {
  readonly client: AthenaClient;
  readonly workGroup: string;
  readonly database: string;
  readonly account: string;
  readonly region: string;
  /** How long an answer is waited for, and how often it is looked for, in milliseconds. */
  readonly patience?: number;
  readonly pollInterval?: number;
}

/** Athena gives up by itself after 30 minutes; a person sooner. */
const defaultPatience = 10 * 60_000;
const defaultPollInterval = 1_000;

/** The columns of the answer, in this order. An empty cell has no value. */
const row = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string().optional(),
  z.string().optional(),
  z.string().optional(),
]);

/** The trail on AWS, by SQL over its log files: complete but for the last minutes. @throws Refusal when Athena does not answer */
export const athenaTrail = (props: AthenaTrailProps): Trail => ({
  async ask(question) {
    const id = await started(trailSql(props, question), props);
    await succeeded(id, props);
    const opens: TrailOpen[] = [];
    for await (const page of paginateGetQueryResults({ client: props.client }, { QueryExecutionId: id })) {
      for (const { Data = [] } of page.ResultSet?.Rows ?? []) {
        const [eventId, at, requestId, errorCode, who = 'unknown', parameters] = row.parse(
          Data.map(({ VarCharValue }) => VarCharValue),
        );
        const answer = errorCode === undefined || errorCode === '' ? 'allowed' : 'refused';
        const open = openOf({ eventId, at, requestId, who, answer, requestParameters: jsonOf(parameters) }, question);
        // The first row of all holds the names of the columns: it is no opening either.
        if (open !== undefined) opens.push(open);
      }
    }
    return { opens: eachOnce(opens) };
  },
});

/** The question as SQL. Account, region and days are partitions: nothing else is read. */
export function trailSql(
  { database, account, region }: Pick<AthenaTrailProps, 'database' | 'account' | 'region'>,
  { vault, owners, since, until }: TrailQuestion,
): string {
  const inContext = (name: string, value: string) =>
    `json_extract_scalar(requestparameters, '$.encryptionContext.${name}') = ${literal(value)}`;
  const owned = owners.map((it) => `(${inContext('tenantId', it.tenantId)} AND ${inContext('ownerId', it.ownerId)})`);
  return [
    'SELECT eventid, eventtime, requestid, errorcode, useridentity.arn, requestparameters',
    `FROM "${identifier(database)}"."events"`,
    `WHERE "account" = ${literal(account)} AND "region" = ${literal(region)}`,
    // A log file lies under the day on which it was delivered, which may be the one after.
    `AND "day" BETWEEN ${literal(dayOf(since))} AND ${literal(dayOf(new Date(until.getTime() + oneDay)))}`,
    `AND eventtime BETWEEN ${literal(secondOf(since))} AND ${literal(secondOf(until))}`,
    "AND eventsource = 'kms.amazonaws.com' AND eventname = 'Decrypt'",
    `AND ${inContext('vault', vault)}`,
    `AND (${owned.join(' OR ')})`,
    'ORDER BY eventtime',
  ].join('\n');
}

const oneDay = 24 * 60 * 60 * 1000;
const dayOf = (time: Date) => time.toISOString().slice(0, 10).replaceAll('-', '/');
const secondOf = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;

/** A value as SQL: quotes are doubled, and nothing that is not printable gets in. @throws Refusal */
function literal(value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value))
    throw new Refusal('A value of the question has characters that no id of ours has.');
  return `'${value.replaceAll("'", "''")}'`;
}

function identifier(name: string): string {
  if (!/^[a-z0-9_]+$/.test(name)) throw new Refusal('The database of the trail has a name that is not ours.');
  return name;
}

async function started(sql: string, { client, workGroup, database }: AthenaTrailProps): Promise<string> {
  const { QueryExecutionId } = await client.send(
    new StartQueryExecutionCommand({
      QueryString: sql,
      WorkGroup: workGroup,
      QueryExecutionContext: { Database: database },
    }),
  );
  if (QueryExecutionId === undefined) throw new Refusal('Athena took the question and gave it no id.');
  return QueryExecutionId;
}

async function succeeded(QueryExecutionId: string, props: AthenaTrailProps): Promise<void> {
  const { client, patience = defaultPatience, pollInterval = defaultPollInterval } = props;
  for (let waited = 0; waited <= patience; waited += pollInterval) {
    const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    if (State === 'SUCCEEDED') return;
    if (State === 'FAILED' || State === 'CANCELLED')
      throw new Refusal(`Athena did not answer (${State}): ${StateChangeReason ?? 'it says no reason'}`);
    await sleep(pollInterval);
  }
  throw new Refusal(`Athena did not answer in time; its query ${QueryExecutionId} may still end.`);
}
