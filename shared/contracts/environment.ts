/** The names of the environment variables that infra sets (by its grants) and the handlers read (through their wiring). Never a secret. */
export const environmentName = {
  directoryTable: 'DIRECTORY_TABLE',
  vaultTable: 'VAULT_TABLE',
  eventsTable: 'EVENTS_TABLE',
  auditTable: 'AUDIT_TABLE',
  envelopeKeyArn: 'ENVELOPE_KEY_ARN',
  /** Keys that have wrapped secrets before, which still open: ARNs with commas between them. Absent when there are none. */
  formerEnvelopeKeyArns: 'FORMER_ENVELOPE_KEY_ARNS',
  /** Names this vault in every encryption context, so that a blob of another deployment never opens here. */
  vaultName: 'VAULT_NAME',
  eventsQueueUrl: 'EVENTS_QUEUE_URL',
  setUpQueueUrl: 'SET_UP_QUEUE_URL',
  cleanUpQueueUrl: 'CLEAN_UP_QUEUE_URL',
  resealQueueUrl: 'RESEAL_QUEUE_URL',
  releaseQueueUrl: 'RELEASE_QUEUE_URL',
  mediaQueueUrl: 'MEDIA_QUEUE_URL',
  checkQueueUrl: 'CHECK_QUEUE_URL',
  /** Checks whose time has come, apart from those that somebody waits for. */
  dueCheckQueueUrl: 'DUE_CHECK_QUEUE_URL',
  alertQueueUrl: 'ALERT_QUEUE_URL',
  operatorTopicArn: 'OPERATOR_TOPIC_ARN',
  /** What the ARNs of the topics of tenants begin with, and the key that new ones get. */
  tenantTopicPrefix: 'TENANT_TOPIC_PREFIX',
  topicKeyArn: 'TOPIC_KEY_ARN',
  /** Where bodies lie that the queue can't carry or that are held, and media on their way. */
  relayBucket: 'RELAY_BUCKET',
  /** The platform's own runtime for agents: ARN of a Lambda function or URL of an SQS queue. Absent when the operator has set none. */
  agentRuntime: 'AGENT_RUNTIME',
  graphApiUrl: 'GRAPH_API_URL',
  graphApiVersion: 'GRAPH_API_VERSION',
  /** Origin under which Meta reaches the webhooks, without a trailing slash. */
  publicUrl: 'PUBLIC_URL',
  /** Origin under which users reach the API, without a trailing slash. */
  apiUrl: 'API_URL',
  consoleUrl: 'CONSOLE_URL',
  /** Whose access tokens are accepted where the gateway does not verify them: issuer, audiences with commas between them, scope if one is asked for. */
  issuer: 'ISSUER',
  audiences: 'AUDIENCES',
  requiredScope: 'REQUIRED_SCOPE',
  /** Claim of the access token that names the tenant. */
  tenantClaim: 'TENANT_CLAIM',
  operatorGroup: 'OPERATOR_GROUP',
  /** 'true' in the local stage alone: agents may be http:// on loopback. */
  allowLoopbackTargets: 'ALLOW_LOOPBACK_TARGETS',
  /** How many credentials are checked by the clock at once. */
  checkConcurrency: 'CHECK_CONCURRENCY',
  /** How long a claim on an event is held, in seconds. */
  leaseSeconds: 'LEASE_SECONDS',
  /** How many credentials a tenant may have. */
  tenantQuota: 'TENANT_QUOTA',
  stage: 'STAGE',
  /** The name of the stack, which logs and metrics bear. Source: Powertools for AWS Lambda, environment variables. */
  serviceName: 'POWERTOOLS_SERVICE_NAME',
} as const satisfies Record<string, string>;

export type EnvironmentName = (typeof environmentName)[keyof typeof environmentName];
