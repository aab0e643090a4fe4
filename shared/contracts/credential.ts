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
});
export type Reason = z.infer<typeof reason>;

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
    leftAtMeta: z.array(z.string()),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Credential', description: 'Never holds a secret, not even a sealed one' });
export type Credential = z.infer<typeof credential>;

export const credentialList = z
  .object({ items: z.array(credential), nextCursor: z.string().nullable() })
  .meta({ id: 'CredentialList' });
