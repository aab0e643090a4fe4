import * as z from 'zod';
import { agentId, appId, credentialId, phoneNumberId, wabaId } from './ids.ts';

/** Printable ASCII without spaces: it travels in an HTTP header. Meta's tokens are opaque and of variable length. */
const headerSafe = z.string().regex(/^[\x21-\x7e]+$/, 'Only printable characters without spaces are possible here');

export const createCredentialRequest = z
  .strictObject({
    label: z.string().trim().min(1).max(80).meta({ description: 'A name to recognise it by' }),
    appId: appId.meta({ description: 'App ID of your Meta app', examples: ['1042424242424242'] }),
    appSecret: z
      .string()
      .regex(/^[0-9a-fA-F]{32}$/, 'An App Secret has 32 hexadecimal characters')
      .optional()
      .meta({ description: 'Write-only. May be left out where you have proved it for this app before' }),
    wabaId: wabaId.meta({ description: 'ID of your WhatsApp Business Account' }),
    accessToken: headerSafe.max(8192).meta({ description: 'Write-only. A system-user token is recommended' }),
    phoneNumberIds: z
      .array(phoneNumberId)
      .max(50)
      .refine((ids) => new Set(ids).size === ids.length, 'Each number only once')
      .optional()
      .meta({ description: 'Numbers to claim now; the others of the account can be chosen later' }),
    onExistingCallback: z
      .enum(['keep', 'replace'])
      .default('keep')
      .meta({ description: 'What to do when a number already has a callback of somebody else' }),
    previousVerifyToken: headerSafe
      .max(512)
      .optional()
      .meta({ description: 'Write-only. Verify token of that callback, so that it can be given back on removal' }),
  })
  .meta({ id: 'CreateCredentialRequest' });
export type CreateCredentialRequest = z.infer<typeof createCredentialRequest>;

/** The same without a name: nothing is stored. */
export const validateCredentialRequest = createCredentialRequest
  .omit({ label: true, previousVerifyToken: true })
  .extend({ label: createCredentialRequest.shape.label.optional() })
  .meta({ id: 'ValidateCredentialRequest' });
export type ValidateCredentialRequest = z.infer<typeof validateCredentialRequest>;

export const updateCredentialRequest = z
  .strictObject({
    label: createCredentialRequest.shape.label.optional(),
    appSecret: createCredentialRequest.shape.appSecret,
    accessToken: createCredentialRequest.shape.accessToken.optional(),
    previousAppSecret: z.enum(['accept', 'revoke']).optional().meta({
      description:
        'What becomes of the former App Secret: accepted on webhooks for 7 days (default), or revoked at once after a leak. `revoke` may be sent alone. It concerns every credential of the Meta app',
    }),
  })
  .refine((request) => Object.values(request).some((value) => value !== undefined), 'Name at least one change')
  .meta({ id: 'UpdateCredentialRequest' });
export type UpdateCredentialRequest = z.infer<typeof updateCredentialRequest>;

export const removeCredentialQuery = z.object({
  agents: z
    .enum(['refuse', 'unbind'])
    .default('refuse')
    .meta({ description: 'What to do when agents use it: refuse and name them, or switch WhatsApp off for them' }),
});

export const registerNumberRequest = z
  .strictObject({
    pin: z
      .string()
      .regex(/^\d{6}$/, 'A PIN has 6 digits')
      .meta({ description: 'Write-only, never stored: the two-step verification PIN, or a new one for a new number' }),
  })
  .meta({ id: 'RegisterNumberRequest' });

export const repairWebhookRequest = z
  .strictObject({
    onExistingCallback: createCredentialRequest.shape.onExistingCallback,
    previousVerifyToken: createCredentialRequest.shape.previousVerifyToken,
  })
  .meta({ id: 'RepairWebhookRequest' });
export type RepairWebhookRequest = z.infer<typeof repairWebhookRequest>;

export const credentialStatus = z.enum([
  'connected',
  'degraded',
  'action_required',
  'invalid',
  'unreachable',
  'removing',
]);
export type CredentialStatus = z.infer<typeof credentialStatus>;

/** Why something is not as it should be, and the way out. */
export const reason = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string(),
  guidance: z.string(),
  since: z.iso.datetime(),
  phoneNumberIds: z
    .array(phoneNumberId)
    .optional()
    .meta({ description: 'The numbers that it is about, where it is not the whole account' }),
});
export type Reason = z.infer<typeof reason>;

/** Something of ours, or of what was there before us, that could not be put in order at Meta, and how to do it by hand. */
export const leftAtMeta = z.object({
  level: z.enum(['app', 'account', 'number']),
  id: z.string().meta({ description: 'App ID, WhatsApp Business Account ID or phone number ID' }),
  detail: z.string(),
  guidance: z.string(),
});
export type LeftAtMeta = z.infer<typeof leftAtMeta>;

export const webhookState = z.enum(['configured', 'pending', 'action_required', 'drifted']);
export type WebhookState = z.infer<typeof webhookState>;

export const phoneNumber = z.object({
  phoneNumberId,
  displayPhoneNumber: z.string().nullable(),
  verifiedName: z.string().nullable(),
  status: z.string().nullable(),
  qualityRating: z.string().nullable(),
  messagingLimit: z.string().nullable(),
});
export type PhoneNumber = z.infer<typeof phoneNumber>;

/** Limits of Meta by the hour: of the app with its own token, and of the app with this account but for sending. */
export const metaUsage = z
  .object({
    appPercent: z.number(),
    managementPercent: z.number(),
    regainsAccessAt: z.iso.datetime().nullable().meta({ description: 'When Meta answers again; null: it does' }),
    notedAt: z.iso.datetime(),
  })
  .meta({ id: 'MetaUsage', description: 'How much of its limits is used, as Meta said last, within the last hour' });
export type MetaUsageView = z.infer<typeof metaUsage>;

export const credential = z
  .object({
    id: credentialId,
    label: z.string(),
    appId,
    wabaId,
    version: z.number().int().meta({ description: 'Counts edits; the ETag' }),
    status: credentialStatus,
    reason: reason.nullable(),
    secrets: z.object({
      accessToken: z.object({
        lastFour: z.string(),
        setAt: z.iso.datetime(),
        expiresAt: z.iso.datetime().nullable(),
      }),
      appSecret: z.object({
        lastFour: z.string(),
        setAt: z.iso.datetime(),
        previousAcceptedUntil: z.iso.datetime().nullable(),
      }),
    }),
    phoneNumbers: z.array(phoneNumber.extend({ claimed: z.boolean(), agentIds: z.array(agentId) })),
    webhook: z.object({
      url: z.string(),
      state: webhookState,
      reason: reason.nullable(),
      configuredAt: z.iso.datetime().nullable(),
    }),
    metaUsage: metaUsage
      .optional()
      .meta({ description: 'In the description of one alone, and from half of a limit on' }),
    leftAtMeta: z.array(leftAtMeta),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Credential', description: 'Never holds a secret, not even a sealed one' });
export type Credential = z.infer<typeof credential>;

/** A level at which Meta can be told where to deliver, as it should be and as it is. */
export const webhookLevel = z.object({
  level: z.enum(['app', 'account', 'number']),
  id: z.string(),
  expected: z.string(),
  found: z.string().nullable().meta({ description: 'Callback that Meta has there; null for none' }),
  matches: z.boolean(),
  difference: z.string().nullable().meta({ description: 'Stable code of what is different' }),
  detail: z.string().meta({ description: 'The same in plain words' }),
});
export type WebhookLevel = z.infer<typeof webhookLevel>;

export const credentialWebhook = z
  .object({
    url: z.string(),
    state: webhookState,
    reason: reason.nullable(),
    configuredAt: z.iso.datetime().nullable(),
    checkedAt: z.iso.datetime().meta({ description: 'When Meta was asked for what follows' }),
    levels: z.array(webhookLevel),
  })
  .meta({ id: 'CredentialWebhook', description: 'The webhook as it should be and as Meta has it' });
export type CredentialWebhook = z.infer<typeof credentialWebhook>;

export const webhookRepair = z
  .object({
    changed: z.array(webhookLevel).meta({ description: 'What was found different from what it should be' }),
    webhook: credential.shape.webhook,
  })
  .meta({ id: 'WebhookRepair' });

export const manualWebhookSetUp = z
  .object({
    url: z.string().meta({ description: 'Callback URL for the configuration page of the Meta app' }),
    verifyToken: z.string().meta({ description: 'Shown once' }),
    fields: z.array(z.string()),
    numberUrl: z
      .string()
      .meta({ description: 'Callback URL for a single number, for an app whose callback must stay' }),
    steps: z.array(z.string()),
  })
  .meta({ id: 'ManualWebhookSetUp' });

export const phoneNumberList = z
  .object({ items: credential.shape.phoneNumbers, nextCursor: z.null() })
  .meta({ id: 'PhoneNumberList' });

export const credentialList = z
  .object({ items: z.array(credential), nextCursor: z.string().nullable() })
  .meta({ id: 'CredentialList' });
