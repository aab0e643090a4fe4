// `npm run audit -- --tenant NAME --credential ID --since 24h`: who opened the secrets of a credential, by CloudTrail and by our own
// lines, laid beside each other. Ends with 1 when one of them tells of an opening that the other does not.
import { AthenaClient } from '@aws-sdk/client-athena';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { sharedTenant } from '../shared/contracts/ids.ts';
import { athenaTrail } from './audit/athena-trail.ts';
import { type AuditRequest, parseAuditRequest } from './audit/audit-request.ts';
import { ownLines } from './audit/audit-table.ts';
import { compare, isFlagged } from './audit/comparison.ts';
import { lookupTrail } from './audit/lookup-trail.ts';
import { report } from './audit/report.ts';
import type { Trail } from './audit/trail.ts';
import { clientConfiguration, endpointOf } from './local/aws-endpoint.ts';
import { Refusal } from './local/refusal.ts';
import { readStack } from './local/stack-file.ts';
import { StateDirectory } from './local/state-directory.ts';
import { type DeployedStack, deployedStack, explain } from './operator-command.ts';

/** An event and our line of it lie seconds apart: both are read from so much earlier on. In milliseconds. */
const margin = 5 * 60_000;

try {
  const now = new Date();
  const { lines, flagged } = await audit(parseAuditRequest(process.argv.slice(2), now), now);
  for (const line of lines) console.log(line);
  if (flagged) process.exitCode = 1;
} catch (error) {
  console.error(explain(error));
  process.exitCode = 2;
}

async function audit(request: AuditRequest, now: Date): Promise<{ lines: readonly string[]; flagged: boolean }> {
  const { tenantId, credentialId, since, stack, stateDirectory } = request;
  const configuration = stateDirectory === undefined ? {} : localConfiguration(stateDirectory);
  const deployed = await deployedStack(stack, new CloudFormationClient(configuration));
  const from = new Date(since.getTime() - margin);

  const dynamoDb = new DynamoDBClient(configuration);
  const own = await ownLines(dynamoDb, outputOf(deployed, 'AuditTable', stack), { tenantId, credentialId }, from);
  const shared = new Set(own.items.flatMap(({ owner }) => (owner?.startsWith('app_') ? [owner] : [])));
  const trail =
    stateDirectory === undefined
      ? trailOnAws(deployed, stack)
      : lookupTrail(new CloudTrailClient(localConfiguration(stateDirectory)));
  const told = await trail.ask({
    vault: stack,
    owners: [
      { tenantId, ownerId: credentialId },
      ...[...shared].map((ownerId) => ({ tenantId: sharedTenant, ownerId })),
    ],
    since: from,
    until: now,
  });

  const openings = compare(told, own.items, credentialId, { since, now });
  return { lines: report(openings, own.unreadable), flagged: openings.some(isFlagged) || own.unreadable > 0 };
}

function trailOnAws({ outputs, account, region }: DeployedStack, stack: string): Trail {
  const { AuditWorkGroup: workGroup, AuditDatabase: database } = outputs;
  if (workGroup === undefined || database === undefined) throw new Refusal(`${stack} has no audit trail of its own.`);
  return athenaTrail({ client: new AthenaClient({ region }), workGroup, database, account, region });
}

function localConfiguration(stateDirectory: string) {
  return clientConfiguration(endpointOf(readStack(new StateDirectory(stateDirectory))));
}

function outputOf({ outputs }: DeployedStack, name: string, stack: string): string {
  const value = outputs[name];
  if (value === undefined) throw new Refusal(`${stack} has no output ${name}: is it a stack of Switchboard?`);
  return value;
}
