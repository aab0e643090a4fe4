import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { SQSClient } from '@aws-sdk/client-sqs';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import type { SQSEvent } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { handler as watchAudit } from '../../functions/audit/watch-audit.lambda.ts';
import { publishCounts } from '../../functions/edge/operator-journal.ts';
import * as ports from '../../functions/edge/ports.ts';
import { handler as planChecks } from '../../functions/health/plan-checks.lambda.ts';
import { handler as watchCredentials } from '../../functions/health/watch-credentials.lambda.ts';
import { handler as routeEvent } from '../../functions/routing/route-event.lambda.ts';
import { handler as receiveWebhook } from '../../functions/webhooks/receive-webhook.lambda.ts';
import { projectRoot } from '../../infra/handlers.ts';
import { vaultKey } from '../../shared/adapters/vault.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { metricNamespace } from '../../shared/contracts/metrics.ts';
import { seal } from '../../shared/crypto/envelope.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { captureOutput, type PrintedLine } from '../support/captured-output.ts';
import { context, httpEvent } from '../support/lambda.ts';
import { appRecord, credentialRecordOf, ids } from '../support/records.ts';
import { templateOf } from '../support/templates.ts';
import { alarmedMetrics, shownMetrics, type WatchedMetric } from '../support/watched-metrics.ts';

const template = templateOf('prod');
const ours = ({ namespace }: WatchedMetric) => namespace === metricNamespace;

const dynamo = mockClient(DynamoDBDocumentClient);
const kms = mockClient(KMSClient);
mockClient(SQSClient).onAnyCommand().resolves({});

const appSecret = {
  tenantId: 'shared',
  ownerId: `app_${ids.app}`,
  purpose: 'webhook-signature',
  secretVersion: 1,
} as const;
const webhook = {
  kind: 'credential',
  webhookId: ids.webhook,
  appId: ids.app,
  tenantId: ids.tenant,
  credentialId: ids.credential,
};

const nobodyListens = 'http://127.0.0.1:1';

/** A row of the Vault, sealed as any other. */
const sealedAppSecret = () => {
  using secret = SecretBytes.fromText('facade00facade00facade00facade01');
  using plaintext = SecretBytes.takeOver(randomBytes(32));
  return { ...appSecret, sealed: seal(secret, { plaintext, wrapped: randomBytes(64) }, Buffer.alloc(0)) };
};

let output: ReturnType<typeof captureOutput>;
beforeEach(() => {
  output = captureOutput();
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  for (const name of Object.values(environmentName)) vi.stubEnv(name, name);
  vi.stubEnv(environmentName.graphApiUrl, nobodyListens);
  vi.stubEnv(environmentName.checkConcurrency, '10');
  dynamo.reset();
  kms.reset();
  dynamo.on(PutCommand).resolves({});
  dynamo.on(TransactWriteCommand).resolves({});
  dynamo.on(GetCommand, { TableName: environmentName.directoryTable }).resolves({ Item: webhook });
  dynamo
    .on(GetCommand, { TableName: environmentName.vaultTable })
    .resolves({ Item: { ...vaultKey(appSecret), ...sealedAppSecret() } });
  dynamo.on(BatchGetCommand).resolves({
    Responses: {
      [environmentName.directoryTable]: [
        { pk: `APP#${ids.app}`, sk: 'APP', ...appRecord() },
        { pk: `TENANT#${ids.tenant}`, sk: `CRED#${ids.credential}`, ...credentialRecordOf() },
      ],
    },
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const named = (name: string) => Object.assign(new Error(name), { name });
const deliver = (signature?: string) =>
  receiveWebhook(
    httpEvent({
      routeKey: 'POST /webhooks/{webhookId}',
      pathParameters: { webhookId: ids.webhook },
      headers: signature === undefined ? {} : { 'x-hub-signature-256': `sha256=${signature}` },
      body: '{}',
    }),
    context(),
  );
const wrongSignature = '0'.repeat(64);
const route = (...bodies: string[]) => {
  const records = bodies.map((body, index) => ({
    messageId: `message-${index}`,
    receiptHandle: `handle-${index}`,
    body,
    attributes: { MessageGroupId: `group-${index}`, ApproximateReceiveCount: '1' },
  }));
  return routeEvent({ Records: records } as unknown as SQSEvent, context());
};

const planOverdue = () => {
  const dueAt = new Date(Date.now() - 2 * 60 * 60 * 1000).toISOString();
  const { tenant: tenantId, credential: credentialId } = ids;
  // No outage of Meta is known.
  dynamo.on(GetCommand).resolves({});
  dynamo
    .on(QueryCommand)
    .resolvesOnce({ Items: [{ pk: 'DUE#0', sk: `${dueAt}#${credentialId}`, tenantId, credentialId, dueAt }] })
    .resolves({ Items: [] });
  return planChecks({}, context());
};

/**
 * The situation that each alarm is about, made with the handlers that are deployed; with the calls of Meta and of KMS where a whole
 * delivery would add nothing. An alarm without one is an alarm that nobody has seen ring.
 */
const situations: Readonly<Record<string, () => Promise<unknown>>> = {
  WebhookRefused: () => deliver(),
  WebhookFailed: () => {
    dynamo.on(BatchGetCommand).rejects(named('InternalServerError'));
    return deliver(wrongSignature);
  },
  KmsFailed: () => {
    kms.on(DecryptCommand).rejects(named('KMSInternalException'));
    return deliver(wrongSignature);
  },
  SecretsRefused: () => {
    kms.on(DecryptCommand).rejects(named('InvalidCiphertextException'));
    return deliver(wrongSignature);
  },
  EventFailed: () => route('not what we queue'),
  UnhandledError: () => route('not what we queue'),
  // A row that nobody can read is told as what it is.
  ChangesUnheard: () =>
    watchCredentials(
      {
        Records: [
          {
            eventName: 'MODIFY',
            dynamodb: {
              Keys: { pk: { S: `TENANT#${ids.tenant}` }, sk: { S: `CRED#${ids.credential}` } },
              NewImage: { label: { S: 'no credential' } },
              SequenceNumber: '1',
            },
          },
        ],
      },
      context(),
    ),
  // An alarm on silence: what it listens to.
  ChecksPlanned: () => planOverdue(),
  ChecksOverdue: () => planOverdue(),
  AuditTampered: () => watchAudit({ Records: [{ eventName: 'MODIFY' }] }, context()),
  GraphFailed: async () => {
    using token = SecretBytes.fromText('EAA-the-token');
    await ports.graph().readBusinessAccount({ accessToken: token, proof: token }, ids.waba);
    publishCounts();
  },
};

/** What a line in CloudWatch's embedded format says of one metric. */
const emitted = (line: PrintedLine, name: string) => {
  const { CloudWatchMetrics } = line._aws as {
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
  };
  return CloudWatchMetrics.filter(({ Metrics }) => Metrics.some((metric) => metric.Name === name)).flatMap(
    ({ Namespace: namespace, Dimensions }) =>
      Dimensions.map((names) => ({
        namespace,
        name,
        dimensions: Object.fromEntries(names.map((it) => [it, line[it]])),
      })),
  );
};

describe('an alarm on what we count', () => {
  const alarmed = alarmedMetrics(template).filter(ours);

  it.each(alarmed.map((metric) => [metric.name, metric] as const))(
    'watches %s as a handler emits it: namespace, name, dimensions and one value',
    async (name, { namespace, dimensions }) => {
      await situations[name]?.();
      const lines = output.metrics();
      expect(lines.flatMap((line) => emitted(line, name))).toEqual([{ namespace, name, dimensions }]);
      expect(lines.map((line) => line[name])).toContain(1);
      expect(output.text()).not.toMatch(/acme.*_aws|_aws.*acme/);
    },
  );

  it('is tried for each metric that there is, and no situation is left of an alarm that has gone', () => {
    expect(Object.keys(situations).sort()).toEqual(alarmed.map(({ name }) => name).sort());
  });

  it('hears nothing of what others are about: a refused signature is that and no failure', async () => {
    await deliver();
    expect(output.metrics()).toHaveLength(1);
    expect(Object.keys(output.metrics()[0] ?? {}).sort()).toEqual(['WebhookRefused', '_aws', 'service']);
  });
});

describe('what the dashboard shows of what we count', () => {
  const journal = readFileSync(join(projectRoot, 'shared/domain/journal.ts'), 'utf8');
  const known = [...(journal.split('export type MetricName =')[1] ?? '').matchAll(/\| '(\w+)'/g)].map(
    ([, name]) => name,
  );
  const code = globSync('{functions,shared}/**/*.ts', { cwd: projectRoot })
    .filter((path) => path !== 'shared/domain/journal.ts')
    .map((path) => readFileSync(join(projectRoot, path), 'utf8'))
    .join('\n');
  const shown = shownMetrics(template).filter(ours);

  it.each([...new Set(shown.map(({ name }) => name))])(
    '%s is a name of the journal, and something counts under it',
    (name) => {
      expect(known).toContain(name);
      expect(code.includes(`'${name}'`)).toBe(true);
    },
  );

  it('is found by the same dimensions as what the alarms watch', () => {
    const found = new Set(
      alarmedMetrics(template)
        .filter(ours)
        .map(({ dimensions }) => JSON.stringify(dimensions)),
    );
    expect(found.size).toBe(1);
    for (const { name, dimensions } of shown) expect(found, name).toContain(JSON.stringify(dimensions));
  });

  it('is everything that is counted', () => {
    expect([...new Set(shown.map(({ name }) => name))].sort()).toEqual([...known].sort());
  });
});
