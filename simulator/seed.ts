import * as z from 'zod';

// Meta's ids are digits; the length differs by kind and is never promised.
const nodeId = z.string().regex(/^\d{3,20}$/, 'expected an id of 3 to 20 digits');
// "{self}" stands for the address of the running simulator, which a seed file cannot know.
const callbackUrl = z
  .string()
  .regex(/^(https?:\/\/|\{self\}\/)/, 'expected an http(s) URL, or one that starts with {self}/');
const metaFields = z.record(z.string(), z.unknown()).default({});

/** A Meta app: what owns the App Secret, the app-level webhook subscription and the tokens. */
export const appSchema = z.strictObject({
  id: nodeId,
  name: z.string().min(1),
  secret: z.string().regex(/^[0-9a-f]{32}$/, 'expected an App Secret of 32 lowercase hex characters'),
  published: z.boolean().default(true),
  requireAppSecret: z.boolean().default(false),
});

/** A message template, under Meta's own names. */
export const templateSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/, 'expected a name of lowercase letters, digits and _'),
  language: z.string().min(2).default('en_US'),
  status: z.string().min(1).default('APPROVED'),
  category: z.enum(['MARKETING', 'UTILITY', 'AUTHENTICATION']).default('UTILITY'),
  components: z.array(z.record(z.string(), z.unknown())).default([]),
});

/** A WhatsApp Business Account; `fields` overrides any field of the Graph node under Meta's own names. */
export const wabaSchema = z.strictObject({
  id: nodeId,
  name: z.string().min(1),
  businessId: nodeId,
  businessName: z.string().min(1).default('Example Business'),
  healthOfSending: z.enum(['AVAILABLE', 'LIMITED', 'BLOCKED']).default('AVAILABLE'),
  templates: z.array(templateSchema).default([]),
  fields: metaFields,
});

/** A business phone number; `fields` overrides any field of the Graph node under Meta's own names. */
export const phoneNumberSchema = z.strictObject({
  id: nodeId,
  wabaId: nodeId,
  displayPhoneNumber: z.string().regex(/^\+?[\d ()-]{5,25}$/, 'expected a phone number such as +1 555 0100 200'),
  verifiedName: z.string().min(1),
  registered: z.boolean().default(true),
  pin: z
    .string()
    .regex(/^\d{6}$/, 'expected a PIN of 6 digits')
    .optional(),
  status: z.string().min(1).default('CONNECTED'),
  qualityRating: z.enum(['GREEN', 'YELLOW', 'RED', 'UNKNOWN', 'NA']).default('GREEN'),
  accountMode: z.enum(['LIVE', 'SANDBOX']).default('LIVE'),
  /** A SANDBOX number reaches only these recipients (131030); left out means anybody. */
  allowedRecipients: z.array(z.string()).optional(),
  healthOfSending: z.enum(['AVAILABLE', 'LIMITED', 'BLOCKED']).default('AVAILABLE'),
  fields: metaFields,
});

export const tokenStates = ['active', 'revoked', 'password-changed', 'app-not-installed', 'checkpoint'] as const;

/** An access token. `assets` are the WABAs that its user was given; scopes alone show nothing. */
export const tokenSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected a name of letters, digits, ".", "_" or "-"'),
  value: z.string().min(8),
  appId: nodeId,
  type: z.enum(['SYSTEM_USER', 'USER']).default('SYSTEM_USER'),
  userId: nodeId.default('122100000000001'),
  scopes: z.array(z.string()).default(['whatsapp_business_management', 'whatsapp_business_messaging']),
  granularScopes: z.array(z.strictObject({ scope: z.string(), targetIds: z.array(nodeId).optional() })).default([]),
  assets: z.union([z.literal('all'), z.array(nodeId)]),
  /** Unix seconds; 0 is never. */
  expiresAt: z.int().min(0).default(0),
  /** Instead of `expiresAt`: counted from when the seed is loaded. */
  expiresInSeconds: z.int().optional(),
  issuedAt: z.int().min(0).optional(),
  dataAccessExpiresAt: z.int().min(0).default(0),
  state: z.enum(tokenStates).default('active'),
});

/** Somebody with WhatsApp on their phone. Who hides the number (username users) is known by user id alone. */
export const customerSchema = z.strictObject({
  waId: z.string().regex(/^\d{5,20}$/, 'expected the phone number as 5 to 20 digits'),
  name: z.string().min(1),
  username: z.string().optional(),
  /** A business-scoped user id; left out, one is derived per business portfolio. */
  userId: z.string().optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'expected a country of two capital letters')
    .default('US'),
  hidesNumber: z.boolean().default(false),
});

export const appSubscriptionSchema = z.strictObject({
  appId: nodeId,
  callbackUrl,
  verifyToken: z.string(),
  fields: z.array(z.string()).min(1),
});
export const wabaSubscriptionSchema = z.strictObject({
  appId: nodeId,
  wabaId: nodeId,
  overrideCallbackUri: callbackUrl.optional(),
  verifyToken: z.string().optional(),
});
export const phoneOverrideSchema = z.strictObject({
  appId: nodeId,
  phoneNumberId: nodeId,
  overrideCallbackUri: callbackUrl,
  verifyToken: z.string(),
});
/** Somebody else's callback, hosted at /_foreign/{name} with a strict verify token. */
export const foreignCallbackSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a name of lowercase letters, digits and "-"'),
  verifyToken: z.string().min(1),
  /** What it answers to webhooks: anything but 200 makes Meta retry, at every app of the WABA. */
  status: z.int().min(100).max(599).default(200),
});

export const statusNames = ['sent', 'delivered', 'read', 'failed'] as const;

/** How the simulator behaves as a whole. */
export const settingsSchema = z.strictObject({
  /** Status webhooks after a send, in this order; [] is none. */
  statuses: z.array(z.enum(statusNames)),
  /** Pause before each status, in milliseconds. */
  statusDelayMs: z.int().min(0).max(600_000),
  /** The error code that a `failed` status carries. */
  failedStatusCode: z.int(),
  /** Rounds of delivery of one webhook, the first included. Meta goes on for 7 days. */
  deliveryAttempts: z.int().min(1).max(50),
  /** Pause before the third round (the second follows at once); doubles from round to round. */
  retryBaseDelayMs: z.int().min(0).max(3_600_000),
  deliveryTimeoutMs: z.int().min(10).max(600_000),
  handshakeTimeoutMs: z.int().min(10).max(600_000),
  /** One app's failure is retried at all apps of the WABA, as Meta does. */
  retryAtAllApps: z.boolean(),
  /** Meta's escapes in webhook bodies: \u00e4, \/ and so on. */
  escapeBodies: z.boolean(),
  /** Business-scoped user ids in webhooks (since April 2026). */
  userIds: z.boolean(),
  /** "enforced": free-form messages more than 24 h after the customer's last one end as `failed` with 131047. */
  customerServiceWindow: z.enum(['ignored', 'enforced']),
});

export const defaultSettings = {
  statuses: ['sent', 'delivered', 'read'],
  statusDelayMs: 150,
  failedStatusCode: 131026,
  deliveryAttempts: 8,
  retryBaseDelayMs: 500,
  deliveryTimeoutMs: 20_000,
  handshakeTimeoutMs: 10_000,
  retryAtAllApps: true,
  escapeBodies: true,
  userIds: true,
  customerServiceWindow: 'ignored',
} as const satisfies z.input<typeof settingsSchema>;

export const settingsPatchSchema = settingsSchema.partial();

const listOf = <T extends z.ZodType>(item: T) => z.array(item).default([]);

/** The seed file, and the body of POST /_control/seed. */
export const seedSchema = z.strictObject({
  $comment: z.string().optional(),
  settings: settingsPatchSchema.optional(),
  apps: listOf(appSchema),
  wabas: listOf(wabaSchema),
  phoneNumbers: listOf(phoneNumberSchema),
  tokens: listOf(tokenSchema),
  customers: listOf(customerSchema),
  appSubscriptions: listOf(appSubscriptionSchema),
  wabaSubscriptions: listOf(wabaSubscriptionSchema),
  phoneOverrides: listOf(phoneOverrideSchema),
  foreignCallbacks: listOf(foreignCallbackSchema),
});

export type App = z.infer<typeof appSchema>;
export type Waba = z.infer<typeof wabaSchema>;
export type PhoneNumber = z.infer<typeof phoneNumberSchema>;
export type Token = z.infer<typeof tokenSchema>;
export type Customer = z.infer<typeof customerSchema>;
export type AppSubscription = z.infer<typeof appSubscriptionSchema>;
export type WabaSubscription = z.infer<typeof wabaSubscriptionSchema>;
export type PhoneOverride = z.infer<typeof phoneOverrideSchema>;
export type ForeignCallback = z.infer<typeof foreignCallbackSchema>;
export type Settings = z.infer<typeof settingsSchema>;
export type StatusName = (typeof statusNames)[number];
export type Seed = z.infer<typeof seedSchema>;
export type SeedInput = z.input<typeof seedSchema>;
