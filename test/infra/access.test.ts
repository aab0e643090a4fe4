import { describe, expect, it } from 'vitest';
import { accessOf, statementsOf, tableOf } from '../../infra/access-matrix.ts';
import { nameOf, resourcesOf, templateOf } from '../support/templates.ts';

const template = templateOf('prod');
const accesses = accessOf(template);
const envelopeKey = 'CredentialVaultEnvelopeKey';
const readDirectory = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'];
const write = ['dynamodb:PutItem', 'dynamodb:UpdateItem'];
const changeDirectory = [
  'dynamodb:BatchGetItem',
  'dynamodb:DeleteItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
];
const sealAndShred = ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'];
const sendWork = {
  CredentialManagementRemovalsQueue: ['sqs:SendMessage'],
  CredentialManagementRotationsQueue: ['sqs:SendMessage'],
  WebhookSetUpRequestsQueue: ['sqs:SendMessage'],
};
/** What the ARNs of the topics of tenants have in common. */
const tenantTopics = 'arn:AWS::Partition:sns:AWS::Region:AWS::AccountId:Switchboard-tenant-*';
const consume = ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
const consumeAndSend = [...consume, 'sqs:SendMessage'];

const keyStatements = (logicalIdPrefix: string) =>
  Object.entries(resourcesOf(template, 'AWS::KMS::Key'))
    .filter(([id]) => id.startsWith(logicalIdPrefix))
    .flatMap(([, key]) => statementsOf(key.Properties.KeyPolicy));

/** Function → action on the envelope key → purposes, read off the template. */
function purposeMatrix() {
  const matrix: Record<string, Record<string, unknown>> = {};
  for (const { function: name, action, resource, condition } of accesses) {
    if (resource !== envelopeKey) continue;
    const purposes = [condition.StringEquals?.['kms:EncryptionContext:purpose'] ?? 'every purpose'].flat().sort();
    matrix[name] = { ...matrix[name], [action]: purposes };
  }
  return matrix;
}

describe('the envelope key', () => {
  it('seals and opens for these functions and these purposes, and for nobody else', () => {
    expect(purposeMatrix()).toEqual({
      ManageCredentials: {
        'kms:GenerateDataKey': ['app-access', 'clean-up', 'former-callback', 'graph-api', 'webhook-signature'],
        'kms:Decrypt': ['app-access', 'graph-api'],
      },
      ResealCredentials: {
        'kms:GenerateDataKey': ['clean-up', 'graph-api'],
        'kms:Decrypt': ['app-access', 'graph-api'],
      },
      CleanUpCredential: { 'kms:Decrypt': ['clean-up', 'former-callback'] },
      ManageAgents: { 'kms:GenerateDataKey': ['agent-signature'] },
      TestAgent: { 'kms:Decrypt': ['agent-signature'] },
      SendMessages: { 'kms:Decrypt': ['graph-api'] },
      ServeMedia: { 'kms:Decrypt': ['graph-api'] },
      MoveMedia: { 'kms:Decrypt': ['graph-api'] },
      CheckCredential: { 'kms:Decrypt': ['app-access', 'graph-api'] },
      ReceiveWebhook: { 'kms:Decrypt': ['webhook-signature'] },
      SetUpWebhook: { 'kms:Decrypt': ['app-access', 'graph-api'] },
      RouteEvent: { 'kms:Decrypt': ['agent-signature', 'graph-api'] },
      RewrapVault: { 'kms:ReEncryptFrom': ['every purpose'], 'kms:ReEncryptTo': ['every purpose'] },
    });
  });

  it('lets the receiver open nothing that can send a message', () => {
    expect(purposeMatrix().ReceiveWebhook).not.toHaveProperty(['kms:Decrypt'], expect.arrayContaining(['graph-api']));
  });

  it('seals and opens only on condition of the purpose and of the name of this vault', () => {
    const conditions = accesses
      .filter(({ resource, action }) => resource === envelopeKey && !action.startsWith('kms:ReEncrypt'))
      .map(({ condition }) => condition);
    expect(conditions.length).toBeGreaterThan(0);
    for (const condition of conditions)
      expect(condition).toEqual({
        StringEquals: {
          'kms:EncryptionContext:purpose': expect.arrayContaining([expect.any(String)]),
          'kms:EncryptionContext:vault': 'Switchboard',
        },
      });
  });

  it('refuses everybody who does not name this vault', () => {
    expect(keyStatements(envelopeKey)).toContainEqual({
      Sid: 'NothingWithoutTheNameOfThisVault',
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
      Resource: '*',
      Condition: { StringNotEquals: { 'kms:EncryptionContext:vault': 'Switchboard' } },
    });
  });

  it('is given in its own policy to the root of the account alone', () => {
    const allowed = keyStatements(envelopeKey).filter(({ Effect }) => Effect === 'Allow');
    expect(allowed).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: expect.objectContaining({ 'Fn::Join': expect.anything() }) },
        Action: 'kms:*',
        Resource: '*',
      },
    ]);
    expect(JSON.stringify(allowed[0]?.Principal)).toContain(':root');
  });

  it('encrypts no table, queue, log or bucket', () => {
    const others = Object.entries(resourcesOf(template)).filter(
      ([, { Type }]) => !['AWS::IAM::Policy', 'AWS::Lambda::Function'].includes(Type),
    );
    for (const [id, resource] of others)
      expect(JSON.stringify(resource), id).not.toMatch(/"CredentialVaultEnvelopeKey/);
  });
});

describe('the data key', () => {
  it('is used by functions only through the service that holds the data, to read and write there', () => {
    const uses = accesses.filter(({ resource }) => resource === 'DataKey');
    expect(uses.length).toBeGreaterThan(0);
    for (const { action, condition, function: name } of uses) {
      expect(['kms:Decrypt', 'kms:GenerateDataKey'], name).toContain(action);
      expect(Object.keys(condition)).toEqual(['StringEquals']);
      expect(Object.keys(condition.StringEquals ?? {})).toEqual(['kms:ViaService']);
      expect(JSON.stringify(condition)).toMatch(/"(dynamodb|sqs|s3|sns)\./);
    }
  });

  it('is given to CloudWatch for the log groups and the alarms of this stack and to CloudTrail for its trail', () => {
    const services = keyStatements('DataKey').filter(({ Principal }) => JSON.stringify(Principal).includes('Service'));
    const things: Record<string, RegExp> = {
      AlarmsOfThisStack: /:alarm:Switchboard-\*"/,
      LogsOfThisStack: /log-group:Switchboard-\*/,
    };
    expect(services.map(({ Sid }) => Sid).sort()).toEqual([
      'AlarmsOfThisStack',
      'CloudTrailDescribes',
      'CloudTrailEncrypts',
      'LogsOfThisStack',
    ]);
    for (const { Condition, Sid } of services) {
      expect(JSON.stringify(Condition), Sid).toMatch(things[Sid ?? ''] ?? /:trail\/Switchboard"/);
    }
  });
});

describe('secrets of credentials', () => {
  const who = (action: string, purpose: string) =>
    Object.entries(purposeMatrix())
      .filter(([, actions]) => (actions[action] as readonly string[] | undefined)?.includes(purpose))
      .map(([name]) => name)
      .sort();

  it.each(['graph-api', 'clean-up', 'app-access', 'webhook-signature', 'former-callback'])(
    'for %s are sealed by credential management alone',
    (purpose) => {
      const own = ['ManageCredentials', 'ResealCredentials'];
      expect(own).toEqual(expect.arrayContaining(who('kms:GenerateDataKey', purpose)));
      expect(who('kms:GenerateDataKey', purpose)).toContain('ManageCredentials');
    },
  );

  it.each(['clean-up', 'former-callback'])('for %s are opened by the removal alone', (purpose) => {
    expect(who('kms:Decrypt', purpose)).toEqual(['CleanUpCredential']);
  });

  it('for agents are sealed where agents are managed, and opened by who dispatches alone', () => {
    expect(who('kms:GenerateDataKey', 'agent-signature')).toEqual(['ManageAgents']);
    expect(who('kms:Decrypt', 'agent-signature')).toEqual(['RouteEvent', 'TestAgent']);
  });
});

describe('the functions', () => {
  it('may do what the table says, and nothing else', () => {
    const ownLogs = ({ resource, action }: (typeof accesses)[number]) =>
      resource.endsWith('Logs') && action.startsWith('logs:');
    const keys = ({ resource }: (typeof accesses)[number]) => ['DataKey', envelopeKey].includes(resource);
    const traces = ({ resource, action }: (typeof accesses)[number]) => resource === '*' && action.startsWith('xray:');
    expect(tableOf(accesses.filter((it) => !ownLogs(it) && !keys(it) && !traces(it)))).toEqual({
      ManageCredentials: {
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
        CredentialVaultSecretsTable: sealAndShred,
        DirectoryRecordsTable: ['dynamodb:ConditionCheckItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', ...write],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        EventStoreEventsTable: ['dynamodb:BatchGetItem'],
        AlertDeliveryRequestsQueue: ['sqs:SendMessage'],
        ...sendWork,
      },
      ResealCredentials: {
        CredentialVaultSecretsTable: sealAndShred,
        DirectoryRecordsTable: [
          'dynamodb:BatchGetItem',
          'dynamodb:ConditionCheckItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        CredentialManagementRotationsQueue: consumeAndSend,
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
      },
      CleanUpCredential: {
        CredentialVaultSecretsTable: ['dynamodb:DeleteItem', 'dynamodb:GetItem'],
        DirectoryRecordsTable: changeDirectory,
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        CredentialManagementRemovalsQueue: consumeAndSend,
        WebhookSetUpRequestsQueue: ['sqs:SendMessage'],
      },
      SweepWork: {
        DirectoryRecordsTable: [
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:Scan',
        ],
        ...sendWork,
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
        HealthWatchChecksQueue: ['sqs:SendMessage'],
        AlertDeliveryRequestsQueue: ['sqs:SendMessage'],
      },
      DescribeCredentials: { DirectoryRecordsTable: readDirectory, AuditLogAccessesTable: ['dynamodb:Query'] },
      ManageAgents: {
        CredentialVaultSecretsTable: ['dynamodb:DeleteItem', 'dynamodb:PutItem'],
        DirectoryRecordsTable: [
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        WebhookSetUpRequestsQueue: ['sqs:SendMessage'],
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
      },
      TestAgent: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: ['dynamodb:GetItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
      },
      DescribeAgents: {
        DirectoryRecordsTable: readDirectory,
        EventStoreEventsTable: ['dynamodb:BatchGetItem'],
      },
      SendMessages: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: changeDirectory.filter((action) => action !== 'dynamodb:Query'),
        EventStoreEventsTable: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        HealthWatchChecksQueue: ['sqs:SendMessage'],
      },
      CheckCredential: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: ['dynamodb:ConditionCheckItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', ...write],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        EventStoreEventsTable: ['dynamodb:BatchGetItem'],
        HealthWatchChecksQueue: consumeAndSend,
        HealthWatchDueChecksQueue: consume,
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
      },
      PlanChecks: {
        DirectoryRecordsTable: [
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        HealthWatchDueChecksQueue: ['sqs:SendMessage'],
        AlertDeliveryRequestsQueue: ['sqs:SendMessage'],
      },
      ServeMedia: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: changeDirectory.filter((action) => action !== 'dynamodb:Query'),
        EventStoreEventsTable: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        MediaExchangeTransfersQueue: ['sqs:SendMessage'],
        MediaRelayBucket: ['s3:ListBucket'],
        'MediaRelayBucket/media/*': ['s3:GetObject'],
        'MediaRelayBucket/uploads/*': ['s3:GetObject', 's3:PutObject'],
      },
      MoveMedia: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
        EventStoreEventsTable: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        MediaExchangeTransfersQueue: consume,
        MediaRelayBucket: ['s3:ListBucket'],
        'MediaRelayBucket/media/*': ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:PutObject'],
        'MediaRelayBucket/uploads/*': ['s3:DeleteObject', 's3:GetObject'],
      },
      ReceiveWebhook: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: readDirectory,
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        WebhookInboxEventsQueue: ['sqs:SendMessage'],
        HealthWatchDueChecksQueue: ['sqs:SendMessage'],
        'MediaRelayBucket/*': ['s3:PutObject'],
      },
      VerifyWebhook: { DirectoryRecordsTable: ['dynamodb:GetItem'] },
      SetUpWebhook: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: changeDirectory,
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        WebhookSetUpRequestsQueue: consumeAndSend,
      },
      RouteEvent: {
        CredentialVaultSecretsTable: ['dynamodb:GetItem'],
        DirectoryRecordsTable: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        EventStoreEventsTable: [
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        MediaRelayBucket: ['s3:ListBucket'],
        'MediaRelayBucket/*': ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
        WebhookInboxEventsQueue: consumeAndSend,
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
        HealthWatchChecksQueue: ['sqs:SendMessage'],
      },
      ReleaseHeld: {
        DirectoryRecordsTable: ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'],
        EventStoreEventsTable: ['dynamodb:Query'],
        AgentRouterReleaseRequestsQueue: consumeAndSend,
        WebhookInboxEventsQueue: ['sqs:SendMessage'],
      },
      ManageHeld: {
        DirectoryRecordsTable: [
          'dynamodb:BatchGetItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
        ],
        EventStoreEventsTable: ['dynamodb:Query'],
        AgentRouterReleaseRequestsQueue: ['sqs:SendMessage'],
      },
      EraseCustomer: {
        DirectoryRecordsTable: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
        EventStoreEventsTable: ['dynamodb:DeleteItem', 'dynamodb:Query'],
        MediaRelayBucket: ['s3:ListBucket'],
        'MediaRelayBucket/*': ['s3:DeleteObject'],
      },
      RewrapVault: { CredentialVaultSecretsTable: ['dynamodb:Scan', 'dynamodb:UpdateItem'] },
      ProjectActivity: {
        EventStoreEventsTable: [
          'dynamodb:BatchGetItem',
          'dynamodb:DescribeStream',
          'dynamodb:GetItem',
          'dynamodb:GetRecords',
          'dynamodb:GetShardIterator',
          'dynamodb:UpdateItem',
        ],
        'EventStoreEventsTable/stream/*': ['dynamodb:ListStreams'],
        ActivityUncounted: ['sqs:SendMessage'],
      },
      ShowActivity: {
        DirectoryRecordsTable: readDirectory,
        EventStoreEventsTable: ['dynamodb:BatchGetItem', 'dynamodb:Query'],
      },
      WatchAudit: {
        AuditLogAccessesTable: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        'AuditLogAccessesTable/stream/*': ['dynamodb:ListStreams'],
        AuditWatchUnheard: ['sqs:SendMessage'],
      },
      WatchCredentials: {
        DirectoryRecordsTable: [
          'dynamodb:DescribeStream',
          'dynamodb:GetRecords',
          'dynamodb:GetShardIterator',
          'dynamodb:PutItem',
        ],
        'DirectoryRecordsTable/stream/*': ['dynamodb:ListStreams'],
        AlertDeliveryRequestsQueue: ['sqs:SendMessage'],
        AlertDeliveryUnheard: ['sqs:SendMessage'],
      },
      SendAlerts: {
        DirectoryRecordsTable: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'],
        AlertDeliveryRequestsQueue: consumeAndSend,
        AlertsOperatorTopic: ['sns:Publish'],
        [tenantTopics]: ['sns:CreateTopic', 'sns:ListSubscriptionsByTopic', 'sns:Publish', 'sns:Subscribe'],
        '*': ['sns:Unsubscribe'],
      },
      ManageNotifications: {
        DirectoryRecordsTable: ['dynamodb:GetItem', 'dynamodb:PutItem'],
        AuditLogAccessesTable: ['dynamodb:PutItem'],
        AlertDeliveryRequestsQueue: ['sqs:SendMessage'],
        [tenantTopics]: ['sns:ListSubscriptionsByTopic'],
        '*': ['sns:GetSubscriptionAttributes'],
      },
    });
  });

  it.each([
    'DescribeCredentials',
    'DescribeAgents',
    'VerifyWebhook',
    'SweepWork',
    'ReleaseHeld',
    'ManageHeld',
    'EraseCustomer',
    'WatchAudit',
    'WatchCredentials',
    'SendAlerts',
    'ManageNotifications',
    'ProjectActivity',
    'ShowActivity',
    'ServePlatform',
    'AddTenantClaim',
  ])('leave %s without the envelope key and without the Vault', (name) => {
    const reached = accesses.filter((it) => it.function === name).map(({ resource }) => resource);
    expect(reached).not.toContain(envelopeKey);
    expect(reached).not.toContain('CredentialVaultSecretsTable');
  });

  it('never scan a table: the re-wrap alone scans the Vault, the sweeper alone the Directory', () => {
    const scans = accesses.filter(({ action }) => /Scan|dynamodb:\*|PartiQL/.test(action));
    expect(tableOf(scans)).toEqual({
      RewrapVault: { CredentialVaultSecretsTable: ['dynamodb:Scan'] },
      SweepWork: { DirectoryRecordsTable: ['dynamodb:Scan'] },
    });
  });

  it('write of the Events table what is their own: who sends or moves media can mark no event as done', () => {
    const writes = accesses.filter(
      ({ resource, action }) => resource === 'EventStoreEventsTable' && /Put|Update|Delete/.test(action),
    );
    const prefixes = Object.fromEntries(
      writes.map(({ function: name, condition }) => [
        name,
        condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? 'any',
      ]),
    );
    expect(prefixes).toEqual({
      SendMessages: ['msg_*', 'conv_*'],
      ServeMedia: ['med_*', 'upl_*'],
      MoveMedia: ['med_*', 'upl_*'],
      RouteEvent: 'any',
      EraseCustomer: 'any',
      ProjectActivity: ['ACTIVITY#*', 'ACTIVITY-COUNT#*', 'ACTIVITY-HELD#*'],
    });
  });

  it('read of the Events table nothing but counts, where they count or show them: no claim, no answer, no message', () => {
    const reads = accesses.filter(
      ({ function: name, resource, action }) =>
        ['ProjectActivity', 'ShowActivity', 'DescribeAgents'].includes(name) &&
        resource === 'EventStoreEventsTable' &&
        /:(GetItem|BatchGetItem|Query|Scan)$/.test(action),
    );
    const prefixes = Object.fromEntries(
      reads.map(({ function: name, condition }) => [
        name,
        condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? 'any',
      ]),
    );
    expect(prefixes).toEqual({
      ProjectActivity: ['ACTIVITY#*', 'ACTIVITY-COUNT#*', 'ACTIVITY-HELD#*'],
      ShowActivity: ['ACTIVITY#*', 'ACTIVITY-COUNT#*'],
      DescribeAgents: ['ACTIVITY-COUNT#*'],
    });
  });

  it('that plan checks change the line of checks, what is known of Meta as a whole, and tickets alone', () => {
    const writes = accesses.filter(
      (it) => it.function === 'PlanChecks' && /^dynamodb:(Put|Update|Delete)/.test(it.action),
    );
    expect(writes.length).toBeGreaterThan(0);
    for (const { condition } of writes)
      expect(condition).toEqual({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['DUE#*', 'META*', 'WORK*'] } });
  });

  it('change of the Directory what is their own, where agents have them run: no key, no number’s owner, no credential', () => {
    const prefixesOf = (name: string) => [
      ...new Set(
        accesses
          .filter((it) => it.function === name && it.resource === 'DirectoryRecordsTable' && !/Get/.test(it.action))
          .flatMap(({ condition }) => condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? 'any'),
      ),
    ];
    expect(prefixesOf('ServeMedia')).toEqual(['IDEMPOTENCY#*']);
    expect(prefixesOf('MoveMedia')).toEqual([]);
    expect(prefixesOf('SendMessages')).toEqual(['IDEMPOTENCY#*', 'NUMBER#*', 'WORK*']);
  });

  it('tell people by SNS through one function alone: operators by their topic, tenants by theirs, and no other topic', () => {
    const ofSns = accesses.filter(({ action }) => action.startsWith('sns:'));
    expect(new Set(ofSns.map(({ function: name }) => name))).toEqual(new Set(['SendAlerts', 'ManageNotifications']));
    expect(new Set(ofSns.filter(({ action }) => /Publish/.test(action)).map(({ resource }) => resource))).toEqual(
      new Set(['AlertsOperatorTopic', tenantTopics]),
    );
    const throughSns = accesses.filter(
      ({ resource, condition }) => resource === 'DataKey' && JSON.stringify(condition).includes('"sns.'),
    );
    expect(new Set(throughSns.map(({ function: name }) => name))).toEqual(new Set(['SendAlerts']));
  });

  it('change of the Directory what belongs to alerts alone, where they are written down and sent', () => {
    const prefixesOf = (name: string) => [
      ...new Set(
        accesses
          .filter(
            (it) => it.function === name && it.resource === 'DirectoryRecordsTable' && /Put|Delete/.test(it.action),
          )
          .flatMap(({ condition }) => condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? 'any'),
      ),
    ];
    expect(prefixesOf('WatchCredentials')).toEqual(['TOLD#*', 'WORK*']);
    expect(prefixesOf('ManageNotifications')).toEqual(['TOLD#*', 'WORK*']);
    expect(prefixesOf('SendAlerts')).toEqual(['WORK*']);
  });

  it('add to the audit log or list it, and nobody does both, changes or deletes a record', () => {
    const ofAudit = accesses.filter(({ resource }) => resource === 'AuditLogAccessesTable');
    const hearing = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];
    expect(new Set(ofAudit.map(({ action }) => action))).toEqual(
      new Set(['dynamodb:PutItem', 'dynamodb:Query', ...hearing]),
    );
    const readers = ofAudit.filter(({ action }) => action === 'dynamodb:Query').map((it) => it.function);
    expect(readers).toEqual(['DescribeCredentials']);
    expect(ofAudit.filter((it) => readers.includes(it.function))).toHaveLength(readers.length);
  });

  it('have a wildcard for X-Ray, streams, topics of tenants, subscriptions and the objects of the relay bucket alone, and in no action', () => {
    const wild = accesses.filter(({ resource, action }) => resource.includes('*') || action.includes('*'));
    expect(new Set(wild.map(({ resource, action }) => `${action} ${resource}`))).toEqual(
      new Set([
        'xray:PutTraceSegments *',
        'xray:PutTelemetryRecords *',
        'dynamodb:ListStreams AuditLogAccessesTable/stream/*',
        'dynamodb:ListStreams DirectoryRecordsTable/stream/*',
        `sns:CreateTopic ${tenantTopics}`,
        `sns:ListSubscriptionsByTopic ${tenantTopics}`,
        `sns:Publish ${tenantTopics}`,
        `sns:Subscribe ${tenantTopics}`,
        'sns:Unsubscribe *',
        'sns:GetSubscriptionAttributes *',
        'dynamodb:ListStreams EventStoreEventsTable/stream/*',
        's3:GetObject MediaRelayBucket/*',
        's3:PutObject MediaRelayBucket/*',
        's3:GetObject MediaRelayBucket/*',
        's3:DeleteObject MediaRelayBucket/*',
        's3:GetObject MediaRelayBucket/media/*',
        's3:PutObject MediaRelayBucket/media/*',
        's3:DeleteObject MediaRelayBucket/media/*',
        's3:AbortMultipartUpload MediaRelayBucket/media/*',
        's3:GetObject MediaRelayBucket/uploads/*',
        's3:PutObject MediaRelayBucket/uploads/*',
        's3:DeleteObject MediaRelayBucket/uploads/*',
      ]),
    );
  });

  it('write to their own log group and to no other', () => {
    for (const { function: name, resource, action } of accesses)
      if (action.startsWith('logs:')) expect(resource).toMatch(new RegExp(`${name}Logs$`));
  });

  it('have a role of their own, without any managed policy', () => {
    const roles = resourcesOf(template, 'AWS::IAM::Role');
    const functions = Object.values(resourcesOf(template, 'AWS::Lambda::Function'));
    expect(new Set(functions.map(({ Properties }) => nameOf(Properties.Role))).size).toBe(functions.length);
    for (const role of Object.values(roles)) expect(role.Properties).not.toHaveProperty('ManagedPolicyArns');
  });
});
