import { describe, expect, it } from 'vitest';
import { statementsOf } from '../../infra/access-matrix.ts';
import { handlerNames } from '../../infra/handlers.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { longestPause } from '../../shared/domain/sending-doubt.ts';
import { localSettings, nameOf, type Resource, resourcesOf, templateOf } from '../support/templates.ts';

const template = templateOf('prod');
const propertiesOf = (type: string, of = template) => Object.values(resourcesOf(of, type)).map((it) => it.Properties);
const dataKeyId = Object.keys(resourcesOf(template, 'AWS::KMS::Key')).find((id) => id.startsWith('DataKey'));
const fieldsOf = (format = '{}'): unknown[] => {
  const fields: Record<string, unknown> = JSON.parse(format);
  return Object.values(fields);
};
const bucketsNamed = (name: string) =>
  Object.entries(resourcesOf(template, 'AWS::S3::Bucket'))
    .filter(([id]) => id.slice(0, -8) === name)
    .map(([, it]) => it.Properties);
const outputsOf = (of: typeof template): Record<string, { Value?: unknown }> => of.findOutputs('*');
const retained = (resource: Resource) => [resource.DeletionPolicy, resource.UpdateReplacePolicy];
const everyDependencyOf = (resource: Resource | undefined) => [resource?.DependsOn ?? []].flat();

describe('the stack', () => {
  it('stays far below the 500 resources that a stack may have', () => {
    expect(Object.keys(resourcesOf(template)).length).toBeLessThanOrEqual(400);
  });

  it('tags every resource that can be tagged with project and stage, and with what the operator adds', () => {
    const tagged = templateOf('prod', { tags: { team: 'messaging' } });
    for (const type of ['AWS::DynamoDB::Table', 'AWS::Lambda::Function', 'AWS::SQS::Queue', 'AWS::KMS::Key'])
      for (const { Tags } of propertiesOf(type, tagged))
        expect(Tags).toEqual([
          { Key: 'project', Value: 'switchboard' },
          { Key: 'stage', Value: 'prod' },
          { Key: 'team', Value: 'messaging' },
        ]);
  });

  it('does not let a tag of the operator hide project or stage', () => {
    const tagged = templateOf('prod', { tags: { stage: 'none' } });
    for (const { Tags } of propertiesOf('AWS::SQS::Queue', tagged))
      expect(Tags).toContainEqual({ Key: 'stage', Value: 'prod' });
  });

  it('tells the operator these outputs, and no others', () => {
    expect(Object.keys(outputsOf(template)).sort()).toEqual([
      'AlertQueueUrl',
      'ApiId',
      'ApiUrl',
      'AuditDatabase',
      'AuditTable',
      'AuditTrailBucket',
      'AuditWorkGroup',
      'CheckQueueUrl',
      'CleanUpQueueUrl',
      'DashboardName',
      'DirectoryTable',
      'EventsDeadLetterQueueUrl',
      'EventsQueueUrl',
      'EventsTable',
      'Issuer',
      'OperatorGroup',
      'OperatorTopicArn',
      'PlanChecksFunction',
      'ReleaseQueueUrl',
      'ResealQueueUrl',
      'RewrapVaultFunction',
      'RouteEventFunction',
      'SetUpQueueUrl',
      'SweepWorkFunction',
      'UserPoolClientId',
      'UserPoolId',
      'VaultTable',
      'WebhooksUrl',
    ]);
  });

  it('has no parameter but the version of the bootstrap: nothing needs to be given', () => {
    expect(Object.keys(template.findParameters('*'))).toEqual(['BootstrapVersion']);
  });
});

describe('state', () => {
  it.each([
    ['CredentialVaultSecretsTable', 7, false],
    ['DirectoryRecordsTable', 35, true],
    ['EventStoreEventsTable', 35, true],
    ['AuditLogAccessesTable', 35, true],
  ])('%s is kept, protected, restorable for %i days and encrypted with the data key', (name, days, expires) => {
    const [, table] =
      Object.entries(resourcesOf(template, 'AWS::DynamoDB::Table')).find(([id]) => id.startsWith(name)) ?? [];
    expect(table && retained(table)).toEqual(['Retain', 'Retain']);
    expect(table?.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: days },
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    });
    expect(table?.Properties).toHaveProperty('SSESpecification.KMSMasterKeyId.Fn::GetAtt.0', dataKeyId);
    expect(table?.Properties.TimeToLiveSpecification).toEqual(
      expires ? { AttributeName: 'expiresAt', Enabled: true } : undefined,
    );
    expect(table?.Properties.StreamSpecification).toEqual(
      expires ? { StreamViewType: 'NEW_AND_OLD_IMAGES' } : undefined,
    );
  });

  it('has four tables and no global index, which would lag', () => {
    const tables = propertiesOf('AWS::DynamoDB::Table');
    expect(tables).toHaveLength(4);
    for (const table of tables) expect(table).not.toHaveProperty('GlobalSecondaryIndexes');
  });

  it('keeps both keys, rotates them, and has no third', () => {
    const keys = Object.values(resourcesOf(template, 'AWS::KMS::Key'));
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(retained(key)).toEqual(['Retain', 'Retain']);
      expect(key.Properties.EnableKeyRotation).toBe(true);
    }
  });

  it.each([
    ['AWS::Cognito::UserPool', 1],
    ['AWS::S3::Bucket', 3],
    ['AWS::CloudTrail::Trail', 1],
  ])('keeps the %s', (type, count) => {
    const resources = Object.values(resourcesOf(template, type));
    expect(resources).toHaveLength(count);
    for (const resource of resources) expect(retained(resource)).toEqual(['Retain', 'Retain']);
  });

  it('goes with the stack only where removal protection is switched off by name', () => {
    const throwaway = templateOf('dev', { removalProtection: false });
    for (const table of Object.values(resourcesOf(throwaway, 'AWS::DynamoDB::Table'))) {
      expect(retained(table)).toEqual(['Delete', 'Delete']);
      expect(table.Properties.DeletionProtectionEnabled).toBe(false);
    }
  });

  it('has no physical name, except the trail that its bucket and key must name', () => {
    const nameProperty: Record<string, string> = {
      'AWS::CloudTrail::Trail': 'TrailName',
      'AWS::CloudWatch::Alarm': 'AlarmName',
      'AWS::CloudWatch::Dashboard': 'DashboardName',
      'AWS::Cognito::UserPool': 'UserPoolName',
      'AWS::DynamoDB::Table': 'TableName',
      'AWS::IAM::Role': 'RoleName',
      'AWS::Lambda::Function': 'FunctionName',
      'AWS::Logs::LogGroup': 'LogGroupName',
      'AWS::S3::Bucket': 'BucketName',
      'AWS::SQS::Queue': 'QueueName',
    };
    const named = Object.values(resourcesOf(template)).filter(
      ({ Type, Properties }) => (nameProperty[Type] ?? 'Name?') in (Properties ?? {}),
    );
    expect(named.map(({ Type }) => Type)).toEqual(['AWS::CloudTrail::Trail']);
  });
});

describe('the queues', () => {
  const queues = resourcesOf(template, 'AWS::SQS::Queue');
  const queue = (name: string, of = queues) => Object.entries(of).find(([id]) => id.startsWith(name))?.[1].Properties;

  it('are encrypted with the data key, keep messages for 14 days and refuse plain http', () => {
    expect(Object.keys(queues)).toHaveLength(21);
    for (const [id, { Properties }] of Object.entries(queues)) {
      expect(nameOf(Properties.KmsMasterKeyId), id).toBe('DataKey');
      expect(Properties.MessageRetentionPeriod, id).toBe(14 * 24 * 60 * 60);
    }
    const policies = propertiesOf('AWS::SQS::QueuePolicy');
    expect(policies.map(({ Queues }) => nameOf((Queues as unknown[])[0])).sort()).toEqual(
      Object.keys(queues)
        .map((id) => id.slice(0, -8))
        .sort(),
    );
    for (const { PolicyDocument } of policies)
      expect(statementsOf(PolicyDocument)).toEqual([
        expect.objectContaining({
          Effect: 'Deny',
          Action: 'sqs:*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      ]);
  });

  it.each(['WebhookInboxEventsQueue', 'WebhookSetUpRequestsQueue'])(
    '%s gives up after 20 receives, into a queue of its own',
    (name) => {
      expect(queue(name)?.RedrivePolicy).toEqual({
        maxReceiveCount: 20,
        deadLetterTargetArn: {
          'Fn::GetAtt': [expect.stringMatching(`^${name.replace(/Queue$/, 'DeadLetters')}`), 'Arn'],
        },
      });
    },
  );

  it('order events by conversation at high throughput, and leave the dedup ids to the receiver', () => {
    for (const name of ['WebhookInboxEventsQueue', 'WebhookInboxEventsDeadLetters'])
      expect(queue(name)).toMatchObject({
        FifoQueue: true,
        ContentBasedDeduplication: false,
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      });
  });

  it('hide a received message for 180 s, six times the timeout of the function, and for 30 s locally', () => {
    const local = resourcesOf(templateOf('local', localSettings), 'AWS::SQS::Queue');
    for (const name of ['WebhookInboxEventsQueue', 'WebhookSetUpRequestsQueue']) {
      expect(queue(name)?.VisibilityTimeout).toBe(180);
      expect(queue(name, local)?.VisibilityTimeout).toBe(30);
    }
  });

  it('hand events over ten at a time and other work one by one, and take partial failures back', () => {
    const oneByOne = expect.objectContaining({
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
    const mappings = Object.fromEntries(
      propertiesOf('AWS::Lambda::EventSourceMapping').map((it) => [nameOf(it.EventSourceArn), it]),
    );
    expect(mappings).toEqual({
      WebhookInboxEventsQueue: expect.objectContaining({
        BatchSize: 10,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 50 },
      }),
      WebhookSetUpRequestsQueue: oneByOne,
      CredentialManagementRemovalsQueue: oneByOne,
      CredentialManagementRotationsQueue: oneByOne,
      AgentRouterReleaseRequestsQueue: oneByOne,
      MediaExchangeTransfersQueue: oneByOne,
      HealthWatchChecksQueue: oneByOne,
      HealthWatchDueChecksQueue: oneByOne,
      // So that no e-mail subscription gets more than SNS lets it have.
      AlertDeliveryRequestsQueue: expect.objectContaining({ BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } }),
      DirectoryRecordsTable: expect.objectContaining({ StartingPosition: 'TRIM_HORIZON' }),
      AuditLogAccessesTable: expect.objectContaining({ StartingPosition: 'TRIM_HORIZON' }),
      EventStoreEventsTable: expect.objectContaining({ StartingPosition: 'TRIM_HORIZON' }),
    });
  });
});

it('a check of a credential ends, or is ended, before the pause that waits for it', () => {
  const [check] = Object.entries(resourcesOf(template, 'AWS::Lambda::Function'))
    .filter(([id]) => id.startsWith('HealthWatchCheckCredential'))
    .map(([, { Properties }]) => Properties);
  expect(Number(check?.Timeout) * 1000).toBeLessThan(longestPause);
});

describe('the relay bucket', () => {
  const [bucket] = bucketsNamed('MediaRelayBucket');
  const [policy] = propertiesOf('AWS::S3::BucketPolicy').filter(({ Bucket }) => nameOf(Bucket) === 'MediaRelayBucket');

  it('is private and encrypted with the data key', () => {
    expect(bucket).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: expect.anything() },
          },
        ],
      },
    });
    expect(bucket).toHaveProperty(
      'BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.KMSMasterKeyID.Fn::GetAtt.0',
      dataKeyId,
    );
  });

  it('forgets after 14 days, media within 48 hours, and keeps no version of what it has forgotten', () => {
    expect(bucket?.LifecycleConfiguration).toEqual({
      Rules: [
        { Status: 'Enabled', ExpirationInDays: 14, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
        { Status: 'Enabled', ExpirationInDays: 1, Prefix: 'media/' },
        { Status: 'Enabled', ExpirationInDays: 1, Prefix: 'uploads/' },
      ],
    });
    expect(bucket).not.toHaveProperty('VersioningConfiguration');
  });

  it('refuses plain http, and lets nobody in by its own policy', () => {
    expect(statementsOf(policy?.PolicyDocument)).toEqual([
      expect.objectContaining({
        Effect: 'Deny',
        Action: 's3:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    ]);
  });
});

describe('the functions', () => {
  const functions = resourcesOf(template, 'AWS::Lambda::Function');

  it('are those of the table of handlers, one each', () => {
    const names = Object.keys(functions).map((id) => handlerNames.find((name) => id.includes(`${name}Function`)));
    expect(names.sort()).toEqual([...handlerNames].sort());
  });

  it('run on Node.js 24, arm64, 256 MB but for large media, traced, with JSON logs at level WARN for the platform', () => {
    for (const [id, { Properties }] of Object.entries(functions))
      expect(Properties, id).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        MemorySize: id.startsWith('MediaExchangeMoveMedia') ? 512 : 256,
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'WARN', ApplicationLogLevel: 'INFO' },
      });
  });

  it('log into encrypted groups that expire', () => {
    const groups = propertiesOf('AWS::Logs::LogGroup');
    expect(groups).toHaveLength(handlerNames.length + 1);
    for (const group of groups) {
      expect(group.RetentionInDays).toBe(90);
      expect(nameOf(group.KmsKeyId)).toBe('DataKey');
    }
  });

  it('reserve no concurrency, which a new account cannot give', () => {
    for (const [id, { Properties }] of Object.entries(functions))
      expect(Properties, id).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  it('reserve concurrency where the operator says so, for that function alone', () => {
    const reserving = resourcesOf(
      templateOf('prod', { reservedConcurrency: { ReceiveWebhook: 20 } }),
      'AWS::Lambda::Function',
    );
    for (const [id, { Properties }] of Object.entries(reserving))
      expect(Properties.ReservedConcurrentExecutions, id).toBe(id.includes('ReceiveWebhookFunction') ? 20 : undefined);
  });

  it('end before those who wait for them do', () => {
    const timeouts = Object.fromEntries(
      Object.entries(functions).map(([id, it]) => [
        handlerNames.find((name) => id.includes(`${name}Function`)),
        it.Properties.Timeout,
      ]),
    );
    expect(timeouts).toMatchObject({
      ManageCredentials: 29,
      SetUpWebhook: 30,
      RouteEvent: 30,
      AddTenantClaim: 5,
      ReceiveWebhook: 10,
    });
  });

  it('have variables out of the contract alone, and none that could hold a secret', () => {
    const known = new Set<string>(Object.values(environmentName));
    for (const [id, { Properties }] of Object.entries(functions)) {
      const variables = (Properties.Environment as { Variables: Record<string, unknown> }).Variables;
      for (const [name, value] of Object.entries(variables)) {
        expect(known, id).toContain(name);
        expect(name, id).not.toMatch(/SECRET|TOKEN|PASSWORD|CREDENTIAL|API_KEY/);
        expect(JSON.stringify(value), id).not.toMatch(/resolve:|secretsmanager|SecretString/i);
      }
    }
  });

  it('may reach agents on loopback in no stage but local', () => {
    const of = (stage: 'prod' | 'dev' | 'local') =>
      Object.values(resourcesOf(templateOf(stage, stage === 'local' ? localSettings : {}), 'AWS::Lambda::Function'))
        .map(
          (it) =>
            (it.Properties.Environment as { Variables: Record<string, unknown> }).Variables[
              environmentName.allowLoopbackTargets
            ],
        )
        .filter((value) => value !== undefined);
    expect(of('prod')).toEqual(['false', 'false', 'false', 'false']);
    expect(of('dev')).toEqual(['false', 'false', 'false', 'false']);
    expect(of('local')).toEqual(['true', 'true', 'true', 'true']);
  });
});

/** Agents and users share them, and they wait while media are moved. */
const mediaRoutes = [
  'GET /v1/agents/{agentId}/media/{mediaId}',
  'POST /v1/agents/{agentId}/media',
  'POST /v1/agents/{agentId}/media/{uploadId}/complete',
];

describe('the API', () => {
  const routes = propertiesOf('AWS::ApiGatewayV2::Route');
  const routeOf = (key: string, of = routes) => of.find(({ RouteKey }) => RouteKey === key);
  const [stage] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'));

  it('has the routes of the contract', () => {
    expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual([
      '$default',
      'DELETE /v1/agents/{agentId}',
      'DELETE /v1/agents/{agentId}/keys/{keyId}',
      'DELETE /v1/credentials/{credentialId}',
      'DELETE /v1/credentials/{credentialId}/held',
      'DELETE /v1/customers/{customerId}',
      'GET /health',
      'GET /openapi.json',
      'GET /v1/agents',
      'GET /v1/agents/{agentId}',
      'GET /v1/agents/{agentId}/keys',
      'GET /v1/agents/{agentId}/media/{mediaId}',
      'GET /v1/agents/{agentId}/messages/{messageId}',
      'GET /v1/credentials',
      'GET /v1/credentials/{credentialId}',
      'GET /v1/credentials/{credentialId}/activity',
      'GET /v1/credentials/{credentialId}/audit',
      'GET /v1/credentials/{credentialId}/health',
      'GET /v1/credentials/{credentialId}/held',
      'GET /v1/credentials/{credentialId}/phone-numbers',
      'GET /v1/credentials/{credentialId}/templates',
      'GET /v1/credentials/{credentialId}/webhook',
      'GET /v1/dashboard',
      'GET /v1/notifications',
      'GET /webhooks/{webhookId}',
      'PATCH /v1/credentials/{credentialId}',
      'POST /v1/agents/{agentId}/keys',
      'POST /v1/agents/{agentId}/media',
      'POST /v1/agents/{agentId}/media/{uploadId}/complete',
      'POST /v1/agents/{agentId}/messages',
      'POST /v1/agents/{agentId}/pause',
      'POST /v1/agents/{agentId}/resume',
      'POST /v1/agents/{agentId}/signing-secret',
      'POST /v1/agents/{agentId}/test',
      'POST /v1/credentials',
      'POST /v1/credentials/validate',
      'POST /v1/credentials/{credentialId}/check',
      'POST /v1/credentials/{credentialId}/held/replay',
      'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register',
      'POST /v1/credentials/{credentialId}/webhook/manual-setup',
      'POST /v1/credentials/{credentialId}/webhook/repair',
      'POST /v1/routing/preview',
      'POST /webhooks/{webhookId}',
      'PUT /v1/agents/{agentId}',
      'PUT /v1/notifications',
    ]);
  });

  it('wants a token on every /v1 route but those that agents share, which their handler guards, and on no webhook', () => {
    const shared = [
      'POST /v1/agents/{agentId}/messages',
      'GET /v1/agents/{agentId}/messages/{messageId}',
      ...mediaRoutes,
    ];
    const sender = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(([id]) =>
      id.includes('SendMessages'),
    );
    expect(sender?.[1].Properties.Environment).toMatchObject({
      Variables: { TENANT_CLAIM: 'tenant', ISSUER: expect.anything(), AUDIENCES: expect.anything() },
    });
    for (const { RouteKey, AuthorizationType, AuthorizerId } of routes) {
      const needsToken = String(RouteKey).includes(' /v1/') && !shared.includes(String(RouteKey));
      expect(AuthorizationType, String(RouteKey)).toBe(needsToken ? 'JWT' : 'NONE');
      expect(AuthorizerId !== undefined, String(RouteKey)).toBe(needsToken);
    }
  });

  it('takes the tokens of the built-in pool for its own client, or those of the given issuer for the given audience', () => {
    const [builtIn] = propertiesOf('AWS::ApiGatewayV2::Authorizer');
    expect(builtIn).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Audience: [{ Ref: expect.stringMatching(/^IdentityConsole/) }] },
    });
    const given = templateOf('prod', {
      issuer: 'https://login.example.com',
      audience: ['switchboard', 'portal'],
      requiredScope: 'switchboard/use',
    });
    expect(propertiesOf('AWS::ApiGatewayV2::Authorizer', given)[0]).toMatchObject({
      JwtConfiguration: { Issuer: 'https://login.example.com', Audience: ['switchboard', 'portal'] },
    });
    const scoped = propertiesOf('AWS::ApiGatewayV2::Route', given);
    expect(routeOf('POST /v1/credentials', scoped)).toMatchObject({ AuthorizationScopes: ['switchboard/use'] });
    expect(routeOf('POST /webhooks/{webhookId}', scoped)).not.toHaveProperty('AuthorizationScopes');
  });

  it('throttles webhooks apart from everything else, and what waits for Meta or an agent so that it leaves them workers', () => {
    const webhooks = { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 2000 };
    const waiting = { ThrottlingRateLimit: 3, ThrottlingBurstLimit: 20 };
    const media = { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 };
    const throttles = {
      ...Object.fromEntries(mediaRoutes.map((route) => [route, media])),
      'POST /webhooks/{webhookId}': webhooks,
      'GET /webhooks/{webhookId}': webhooks,
      'POST /v1/agents/{agentId}/test': waiting,
      'POST /v1/credentials': waiting,
      'POST /v1/credentials/validate': waiting,
      'PATCH /v1/credentials/{credentialId}': waiting,
      'DELETE /v1/credentials/{credentialId}': waiting,
      'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register': waiting,
      'POST /v1/credentials/{credentialId}/check': waiting,
      'POST /v1/credentials/{credentialId}/webhook/repair': waiting,
      'POST /v1/credentials/{credentialId}/webhook/manual-setup': waiting,
      'GET /v1/credentials/{credentialId}/webhook': waiting,
      'GET /v1/credentials/{credentialId}/templates': waiting,
      'GET /v1/notifications': waiting,
      'PUT /v1/notifications': waiting,
    };
    expect(stage?.Properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
    });
    expect(stage?.Properties.RouteSettings).toEqual(throttles);
    const named = everyDependencyOf(stage).map((id) => resourcesOf(template)[id]?.Properties.RouteKey);
    expect(named).toEqual(expect.arrayContaining(Object.keys(throttles)));
  });

  it('logs the route and never the path, the query, a header or a body: a webhook id is a capability', () => {
    const logged = stage?.Properties.AccessLogSettings as { Format: string } | undefined;
    expect(fieldsOf(logged?.Format).sort()).toEqual([
      '$context.authorizer.error',
      '$context.identity.sourceIp',
      '$context.integrationLatency',
      '$context.integrationStatus',
      '$context.requestId',
      '$context.requestTime',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.routeKey',
      '$context.status',
    ]);
  });

  it('lets API Gateway invoke a function for its own routes alone', () => {
    const permissions = propertiesOf('AWS::Lambda::Permission').filter(
      ({ Principal }) => Principal === 'apigateway.amazonaws.com',
    );
    expect(permissions).toHaveLength(routes.length);
    for (const { SourceArn } of permissions) expect(JSON.stringify(SourceArn)).toContain('PublicApi');
  });

  it('has a domain of its own where the operator gives one, and uses it in every URL', () => {
    const domain = {
      domainName: 'hooks.example.com',
      certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/c',
    };
    const own = templateOf('prod', { publicDomain: domain });
    expect(outputsOf(own)).toMatchObject({
      ApiUrl: { Value: 'https://hooks.example.com' },
      WebhooksUrl: { Value: 'https://hooks.example.com/webhooks' },
      PublicDomainTarget: { Value: { 'Fn::GetAtt': [expect.any(String), 'RegionalDomainName'] } },
    });
    expect(Object.keys(resourcesOf(own, 'AWS::ApiGatewayV2::ApiMapping'))).toHaveLength(1);
  });

  it('tells Meta one address and users another where the operator gives two', () => {
    const two = templateOf('prod', { publicUrl: 'https://hooks.example.com', apiUrl: 'https://api.example.com' });
    expect(outputsOf(two)).toMatchObject({
      ApiUrl: { Value: 'https://api.example.com' },
      WebhooksUrl: { Value: 'https://hooks.example.com/webhooks' },
    });
    const variables = Object.values(resourcesOf(two, 'AWS::Lambda::Function')).map(
      ({ Properties }) => (Properties.Environment as { Variables: Record<string, unknown> } | undefined)?.Variables,
    );
    const told = variables.filter((it) => it?.PUBLIC_URL !== undefined);
    expect(told).not.toEqual([]);
    for (const it of told)
      expect(it).toMatchObject({
        PUBLIC_URL: 'https://hooks.example.com',
        API_URL: 'https://api.example.com',
        CONSOLE_URL: 'https://api.example.com/console',
      });
    expect(Object.values(resourcesOf(two, 'AWS::Cognito::UserPoolClient'))).toMatchObject([
      { Properties: { CallbackURLs: ['https://api.example.com/console/'] } },
    ]);
  });
});

describe('the audit trail', () => {
  const [trail] = Object.values(resourcesOf(template, 'AWS::CloudTrail::Trail'));
  const [api] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Api'));

  it('is there before the API is: no secret is stored unaudited', () => {
    const types = everyDependencyOf(api).map((id) => resourcesOf(template)[id]?.Type);
    expect(types).toContain('AWS::CloudTrail::Trail');
    expect(types).toContain('AWS::S3::BucketPolicy');
  });

  it('covers all regions, is encrypted with the data key and shows changes of its files', () => {
    expect(trail?.Properties).toMatchObject({
      IsLogging: true,
      IsMultiRegionTrail: true,
      IncludeGlobalServiceEvents: true,
      EnableLogFileValidation: true,
    });
    expect(nameOf(trail?.Properties.KMSKeyId)).toBe('DataKey');
  });

  it('records all management events, KMS never excluded, and every access to the Vault', () => {
    expect(trail?.Properties.AdvancedEventSelectors).toEqual([
      { Name: 'All management events', FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }] },
      {
        Name: 'Every access to the Vault',
        FieldSelectors: [
          { Field: 'eventCategory', Equals: ['Data'] },
          { Field: 'resources.type', Equals: ['AWS::DynamoDB::Table'] },
          {
            Field: 'resources.ARN',
            Equals: [{ 'Fn::GetAtt': [expect.stringMatching(/^CredentialVaultSecretsTable/), 'Arn'] }],
          },
        ],
      },
    ]);
  });

  it('writes into a private, versioned bucket that takes TLS alone and admits this trail alone', () => {
    expect(bucketsNamed('AuditTrailBucket')).toEqual([
      expect.objectContaining({
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            expect.objectContaining({
              ServerSideEncryptionByDefault: expect.objectContaining({ SSEAlgorithm: 'aws:kms' }),
            }),
          ],
        },
      }),
    ]);
    const [policy] = propertiesOf('AWS::S3::BucketPolicy').filter(
      ({ Bucket }) => nameOf(Bucket) === 'AuditTrailBucket',
    );
    const statements = statementsOf(policy?.PolicyDocument);
    expect(statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([
      expect.objectContaining({ Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    expect(allowed.map(({ Action }) => Action)).toEqual(['s3:GetBucketAcl', 's3:PutObject']);
    for (const { Principal, Condition } of allowed) {
      expect(Principal).toEqual({ Service: 'cloudtrail.amazonaws.com' });
      expect(JSON.stringify(Condition?.StringEquals?.['aws:SourceArn'])).toMatch(/:trail\/Switchboard"/);
    }
  });

  it('records the Vault alone where the account has a trail for management events', () => {
    const beside = templateOf('prod', { trail: { mode: 'existing', name: 'organisation', bucket: 'central-trail' } });
    const [own] = propertiesOf('AWS::CloudTrail::Trail', beside);
    expect(own?.AdvancedEventSelectors).toEqual([expect.objectContaining({ Name: 'Every access to the Vault' })]);
    expect(outputsOf(beside).AuditTrailBucket?.Value).toBe('central-trail');
  });

  it.each(['AWS::CloudTrail::Trail', 'AWS::Athena::WorkGroup', 'AWS::Glue::Database', 'AWS::Glue::Table'])(
    'is left out in the local stage alone: %s',
    (type) => {
      expect(propertiesOf(type, templateOf('dev'))).toHaveLength(1);
      expect(propertiesOf(type, templateOf('local', localSettings))).toHaveLength(0);
    },
  );
});

describe('questions to the audit trail', () => {
  const tablesOf = (of = template) =>
    propertiesOf('AWS::Glue::Table', of).map(
      (it) => it.TableInput as { Name: string; Parameters: Record<string, unknown>; StorageDescriptor: unknown },
    );

  it('find its log files by account, region and day, without a partition that somebody has to load', () => {
    const [table, ...more] = tablesOf();
    expect(more).toEqual([]);
    expect(table).toMatchObject({
      Name: 'events',
      TableType: 'EXTERNAL_TABLE',
      PartitionKeys: ['account', 'region', 'day'].map((Name) => ({ Name, Type: 'string' })),
      Parameters: {
        'projection.enabled': 'true',
        'projection.account.type': 'injected',
        'projection.region.type': 'injected',
        'projection.day.type': 'date',
        'projection.day.format': 'yyyy/MM/dd',
        'projection.day.range': expect.stringMatching(/^\d{4}\/01\/01,NOW$/),
      },
      StorageDescriptor: {
        InputFormat: 'com.amazon.emr.cloudtrail.CloudTrailInputFormat',
        SerdeInfo: { SerializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' },
        Columns: expect.arrayContaining([
          { Name: 'requestparameters', Type: 'string' },
          { Name: 'requestid', Type: 'string' },
          { Name: 'errorcode', Type: 'string' },
        ]),
      },
    });
    expect(nameOf(table?.Parameters['storage.location.template'])).toBe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena puts the values in.
      's3://AuditTrailBucket/AWSLogs/${account}/CloudTrail/${region}/${day}',
    );
  });

  it('go to the management events of the trail that the account has, and to our own of the Vault', () => {
    const existing = { mode: 'existing', name: 'central', bucket: 'central-trail', folder: 'AWSLogs/o-abc' };
    const templates = tablesOf(templateOf('prod', { trail: existing })).map(({ Name, Parameters }) => [
      Name,
      nameOf(Parameters['storage.location.template']).split('/${')[0],
    ]);
    expect(Object.fromEntries(templates)).toEqual({
      events: 's3://central-trail/AWSLogs/o-abc',
      vault_events: 's3://AuditTrailBucket/AWSLogs',
    });
  });

  it('leave their answers in a private bucket of their own, encrypted with the data key, for 30 days, and nowhere else', () => {
    const [group = {}] = propertiesOf('AWS::Athena::WorkGroup');
    const { EnforceWorkGroupConfiguration: enforced, ResultConfiguration: result } =
      group.WorkGroupConfiguration as Record<string, Record<string, Record<string, unknown>>>;
    expect(group.Name).toBe('Switchboard');
    expect(enforced).toBe(true);
    expect(nameOf(result?.OutputLocation)).toBe('s3://AuditTrailQueriesAnswers/');
    expect(result?.EncryptionConfiguration?.EncryptionOption).toBe('SSE_KMS');
    expect(nameOf(result?.EncryptionConfiguration?.KmsKey)).toBe('DataKey');
    expect(bucketsNamed('AuditTrailQueriesAnswers')).toMatchObject([
      {
        LifecycleConfiguration: { Rules: [{ ExpirationInDays: 30, Status: 'Enabled' }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: expect.anything() } },
          ],
        },
      },
    ]);
  });
});

describe('the built-in user pool', () => {
  const [pool] = propertiesOf('AWS::Cognito::UserPool');
  const [client] = propertiesOf('AWS::Cognito::UserPoolClient');

  it('has no self sign-up, wants a strong password and a second factor', () => {
    expect(pool).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      MfaConfiguration: 'ON',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      DeletionProtection: 'ACTIVE',
      Policies: {
        PasswordPolicy: {
          MinimumLength: 12,
          RequireLowercase: true,
          RequireNumbers: true,
          RequireSymbols: true,
          RequireUppercase: true,
        },
      },
    });
  });

  it('puts the tenant into access tokens by a V2 trigger, on the plan that allows it', () => {
    expect(pool).toMatchObject({
      UserPoolTier: 'ESSENTIALS',
      LambdaConfig: {
        PreTokenGenerationConfig: {
          LambdaVersion: 'V2_0',
          LambdaArn: { 'Fn::GetAtt': [expect.stringMatching(/AddTenantClaimFunction/), 'Arn'] },
        },
      },
    });
  });

  it('lets no user write the tenant', () => {
    expect(pool?.Schema).toContainEqual(expect.objectContaining({ Name: 'tenant', AttributeDataType: 'String' }));
    expect(client).toMatchObject({
      WriteAttributes: ['email'],
      ReadAttributes: expect.arrayContaining(['custom:tenant']),
    });
  });

  it('signs in by authorization code at the console, with no secret and no password handed to a program', () => {
    expect(client).toMatchObject({
      GenerateSecret: false,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', 'email'],
      ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'],
      PreventUserExistenceErrors: 'ENABLED',
      EnableTokenRevocation: true,
    });
    expect(JSON.stringify(client?.CallbackURLs)).toMatch(/PublicApi.*\/console\//);
  });

  it('has a group of operators and a domain that the account makes unique', () => {
    expect(propertiesOf('AWS::Cognito::UserPoolGroup')).toEqual([expect.objectContaining({ GroupName: 'operators' })]);
    expect(JSON.stringify(propertiesOf('AWS::Cognito::UserPoolDomain'))).toMatch(/switchboard-.*AWS::AccountId/);
  });

  it('is not made where the operator has an issuer', () => {
    const given = templateOf('prod', { issuer: 'https://login.example.com', audience: 'switchboard' });
    expect(Object.values(resourcesOf(given)).filter(({ Type }) => Type.startsWith('AWS::Cognito'))).toEqual([]);
    expect(Object.keys(resourcesOf(given, 'AWS::Lambda::Function')).join()).not.toContain('AddTenantClaim');
    expect(outputsOf(given)).not.toHaveProperty('UserPoolId');
  });
});

describe('every five minutes', () => {
  it.each(['SweepWorkFunction', 'PlanChecksFunction'])('a rule starts %s', (name) => {
    const rules = propertiesOf('AWS::Events::Rule').filter(({ Targets }) => JSON.stringify(Targets).includes(name));
    expect(rules).toMatchObject([{ ScheduleExpression: 'rate(5 minutes)', State: 'ENABLED' }]);
  });
});
