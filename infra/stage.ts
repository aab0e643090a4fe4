import * as z from 'zod';
import { handlerNames } from './handlers.ts';

/** A setting or a combination of settings that the app does not deploy with. The message is one sentence per finding. */
export class SettingsRefused extends Error {
  override readonly name = 'SettingsRefused';
}

const stageName = z.enum(['dev', 'prod', 'local']);
export type StageName = z.infer<typeof stageName>;

/** CloudWatch Logs takes these numbers of days and no others. */
const retentionDays = z.literal([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]);

const throttle = z.strictObject({
  rate: z.int().min(1).describe('Requests per second and route, steady'),
  burst: z.int().min(1).describe('Requests at once and route'),
});

/** Scheme, host and port, nothing behind them. */
const origin = z
  .url({ protocol: /^https?$/ })
  .refine((value) => URL.canParse(value) && new URL(value).origin === value, {
    error: 'must be an origin: scheme, host and port, no path and no slash at the end',
  });

const trail = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('create') }).describe('A trail of our own records management events and the Vault'),
  z
    .strictObject({
      mode: z.literal('existing'),
      name: z.string().min(1),
      bucket: z.string().min(3),
      folder: z
        .string()
        .regex(/^[^/].*[^/]$/)
        .default('AWSLogs')
        .describe(
          'Where in the bucket the folders of the accounts lie: `AWSLogs/o-…` for the trail of an organization',
        ),
    })
    .describe('The account already has a trail for management events; ours records the Vault alone'),
  z.strictObject({ mode: z.literal('none') }).describe('No trail: local stage only'),
]);

/** One function or queue by its full name: no wildcard, and nothing that a request could choose. */
const agentRuntime = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('lambda'),
    functionArn: z
      .string()
      .regex(
        /^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}(:[\w$-]{1,128})?$/,
        'must be the ARN of a Lambda function',
      ),
  }),
  z.strictObject({
    type: z.literal('sqs'),
    queueArn: z
      .string()
      .regex(/^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w-]{1,80}(\.fifo)?$/, 'must be the ARN of an SQS queue'),
  }),
]);

const settingsShape = z.strictObject({
  issuer: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('OIDC issuer whose access tokens are accepted. Left out: a Cognito user pool is created'),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe('`aud` (or `client_id`) that tokens must carry, one or several. Needed with `issuer`, refused without'),
  tenantClaim: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Claim that names the tenant. Default: `tenant` with the built-in pool and locally, `sub` with an issuer of your own. It must not change after the first credential',
    ),
  requiredScope: z.string().min(1).optional().describe('Scope that a token needs for /v1. Only with `issuer`'),
  operatorGroup: z.string().min(1).default('operators').describe('Group whose members are operators'),
  publicUrl: origin
    .optional()
    .describe(
      'Origin under which users and Meta reach the API when something of yours stands in front of it. Default: the address of the API',
    ),
  apiUrl: origin
    .optional()
    .describe('Origin under which users reach API and console, where it is another than Meta’s. Default: the same'),
  publicDomain: z
    .strictObject({ domainName: z.hostname(), certificateArn: z.string().startsWith('arn:') })
    .optional()
    .describe(
      'Own domain for the API, `{"domainName":…,"certificateArn":…}`, with its ACM certificate in the same region. DNS stays yours: see the output PublicDomainTarget',
    ),
  graphApiUrl: origin.default('https://graph.facebook.com').describe('Where the Graph API answers'),
  graphApiVersion: z
    .string()
    .regex(/^v\d+\.\d+$/)
    .default('v25.0')
    .describe('Version of the Graph API that every call names'),
  logRetentionDays: retentionDays.default(90).describe('How long logs are kept'),
  trailRetentionDays: z.int().min(90).default(730).describe('How long the audit trail is kept'),
  routeEventMaximumConcurrency: z
    .int()
    .min(2)
    .max(1000)
    .default(50)
    .describe('How many batches of events are routed at once'),
  checkMaximumConcurrency: z
    .int()
    .min(2)
    .max(1000)
    .default(10)
    .describe('How many credentials are checked by the clock at once. Ten are enough for some 100,000 credentials'),
  reservedConcurrency: z
    .partialRecord(z.enum(handlerNames), z.int().min(1))
    .optional()
    .describe(
      'Reserved concurrency by function, `{"ReceiveWebhook":20}`. Off by default: an account whose limit is 10 cannot reserve any',
    ),
  apiThrottle: throttle.default({ rate: 100, burst: 200 }).describe('Throttle of each route that is not a webhook'),
  waitingThrottle: throttle
    .default({ rate: 3, burst: 20 })
    .describe('Throttle of each route that waits for Meta or for an agent, up to half a minute'),
  mediaThrottle: throttle
    .default({ rate: 20, burst: 100 })
    .describe('Throttle of each route for media, which waits up to 20 s while they are moved'),
  webhookThrottle: throttle.default({ rate: 1000, burst: 2000 }).describe('Throttle of each /webhooks route'),
  trail: trail
    .default({ mode: 'create' })
    .describe(
      '`{"mode":"create"}`, or `{"mode":"existing","name":…,"bucket":…,"folder":"AWSLogs"}` where the account has a trail with all management events, KMS included',
    ),
  queueVisibilitySeconds: z
    .int()
    .min(30)
    .max(43_200)
    .default(180)
    .describe(
      'How long a received message stays hidden: six times the timeout of 30 s, as Lambda wants it. Less only locally',
    ),
  envelopeKeyGeneration: z
    .int()
    .min(1)
    .default(1)
    .describe(
      'Generation of the KMS key that seals secrets. Raise it by one for a new key, then re-wrap (see there). Never lower it, never skip one',
    ),
  removalProtection: z
    .boolean()
    .default(true)
    .describe(
      'Tables, keys, user pool and trail outlive the stack and refuse deletion. false only for a stack to throw away',
    ),
  quotas: z
    .strictObject({ credentialsPerTenant: z.int().min(1).max(1000).describe('Credentials per tenant') })
    .default({ credentialsPerTenant: 25 })
    .describe('What a single tenant may have'),
  allowLoopbackTargets: z.boolean().default(false).describe('Agents may be http:// on loopback: local stage only'),
  agentRuntime: agentRuntime
    .optional()
    .describe(
      'The platform’s own runtime for agents (see there), `{"type":"lambda","functionArn":…}` or `{"type":"sqs","queueArn":…}`. Default: none',
    ),
  operatorEmail: z
    .email()
    .optional()
    .describe(
      'Address that gets the alerts for operators; it has to confirm by a link. Further ones: subscribe to OperatorTopicArn',
    ),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .default({})
    .describe('Further tags on every resource'),
});

type SettingName = keyof typeof settingsShape.shape;
type SettingsInput = z.input<typeof settingsShape>;

/** What a stage sets differently from the defaults of the schema. */
const stageDefaults: Record<StageName, SettingsInput> = {
  prod: {},
  dev: { logRetentionDays: 14, routeEventMaximumConcurrency: 5 },
  local: {
    tenantClaim: 'tenant',
    logRetentionDays: 1,
    trail: { mode: 'none' },
    queueVisibilitySeconds: 30,
    allowLoopbackTargets: true,
  },
};

/** The rules between settings: each is a sentence that says what to do. */
function refusals(stage: StageName, settings: z.output<typeof settingsShape>): string[] {
  const { issuer, audience, publicUrl, apiUrl, graphApiUrl } = settings;
  const findings: string[] = [];
  const refuse = (when: boolean, sentence: string) => when && findings.push(sentence);
  refuse(
    issuer !== undefined && audience === undefined,
    '`audience` is needed with `issuer`: a token for another application must not be accepted.',
  );
  refuse(
    issuer === undefined && audience !== undefined,
    '`audience` works only with `issuer`: the built-in user pool has its own.',
  );
  refuse(
    issuer === undefined && settings.requiredScope !== undefined,
    '`requiredScope` works only with `issuer`: the built-in user pool has no scopes of its own.',
  );
  refuse(
    publicUrl !== undefined && settings.publicDomain !== undefined,
    '`publicUrl` and `publicDomain` exclude each other: give the one that users reach.',
  );
  refuse(
    stage === 'local' && settings.envelopeKeyGeneration > 1,
    '`envelopeKeyGeneration` must be 1 in the local stage: the emulator cannot move secrets to another key.',
  );
  if (stage === 'local') return findings;
  for (const [name, url] of Object.entries({ issuer, publicUrl, apiUrl, graphApiUrl }))
    refuse(url?.startsWith('http:') === true, `\`${name}\` must be https: plain http is for the local stage only.`);
  refuse(settings.trail.mode === 'none', '`trail` cannot be left out: no secret is stored without an audit trail.');
  refuse(settings.allowLoopbackTargets, '`allowLoopbackTargets` is for the local stage only.');
  refuse(
    settings.queueVisibilitySeconds < 180,
    '`queueVisibilitySeconds` must be at least 180, six times the timeout of the functions behind the queues.',
  );
  return findings;
}

export type StageSettings = z.output<typeof settingsShape> & {
  readonly stage: StageName;
  readonly tenantClaim: string;
};

/**
 * The settings of a stage: the schema's defaults, the stage's own, then the overlay.
 * @throws SettingsRefused for an unknown stage, an unknown or wrong setting, or settings that contradict each other.
 */
export function settingsOf(stage: unknown = 'prod', overlay: unknown = {}): StageSettings {
  const name = stageName.safeParse(stage);
  if (!name.success) throw new SettingsRefused(`The stage must be one of ${stageName.options.join(', ')}.`);
  const given = z.record(z.string(), z.unknown()).safeParse(overlay);
  if (!given.success) throw new SettingsRefused('The settings must be a JSON object.');
  const settings = settingsShape.safeParse({ ...stageDefaults[name.data], ...given.data });
  if (!settings.success) throw new SettingsRefused(settings.error.issues.map(sentenceOf).join('\n'));
  const findings = refusals(name.data, settings.data);
  if (findings.length > 0) throw new SettingsRefused(findings.join('\n'));
  const tenantClaim = settings.data.tenantClaim ?? (settings.data.issuer === undefined ? 'tenant' : 'sub');
  return { ...settings.data, stage: name.data, tenantClaim };
}

/** The settings that `-c stage=NAME` and `-c settings='{…}'` ask for; without either, those of `prod`. */
export function settingsFromContext(context: (key: string) => unknown): StageSettings {
  const overlay = context('settings');
  return settingsOf(context('stage') ?? 'prod', typeof overlay === 'string' ? parseOverlay(overlay) : (overlay ?? {}));
}

function parseOverlay(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SettingsRefused('The settings are not JSON: write -c settings=\'{"name": value}\'.', { cause });
  }
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return `\`${path}\`: ${issue.message}.`;
  const keys = issue.keys.map((key) => `\`${path === '' ? key : `${path}.${key}`}\``).join(', ');
  return path === ''
    ? `There is no setting ${keys}: there are ${Object.keys(settingsShape.shape).join(', ')}.`
    : `There is no setting ${keys}.`;
}

/** One row per setting for the documentation: name, what it does, default by stage. */
export function describeSettings(): readonly {
  name: SettingName;
  description: string;
  defaults: Record<StageName, unknown>;
}[] {
  const schema = z.toJSONSchema(settingsShape, { io: 'input' });
  return Object.entries(schema.properties ?? {}).map(([key, property]) => {
    const name = key as SettingName;
    const { description = '', default: byDefault } = typeof property === 'boolean' ? {} : property;
    const of = (stage: StageName) => stageDefaults[stage][name] ?? byDefault;
    return { name, description, defaults: { prod: of('prod'), dev: of('dev'), local: of('local') } };
  });
}
