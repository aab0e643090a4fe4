import * as z from 'zod';

/** Ids are branded so that a number id can't stand where a WABA id is asked for. Formats: Meta's are digits, ours are prefixed. */
const digits = (what: string) => z.string().regex(/^\d{5,32}$/, `${what} consists of digits only`);

/** Stands in for a tenant where something belongs to none: no tenant may be called so. */
export const sharedTenant = 'shared';

/** Owner of everything, taken from the verified token alone. `#` separates key parts in the tables and is therefore refused. */
export const tenantId = z
  .string()
  .regex(/^[A-Za-z0-9_.:@|-]{1,128}$/)
  .refine((id) => id !== sharedTenant)
  .brand<'TenantId'>();
export const appId = digits('An App ID').brand<'AppId'>();
export const wabaId = digits('A WhatsApp Business Account ID').brand<'WabaId'>();
export const phoneNumberId = digits('A phone number ID').brand<'PhoneNumberId'>();
export const credentialId = z
  .string()
  .regex(/^cred_[0-9A-HJKMNP-TV-Z]{26}$/, 'A credential id looks like cred_01J…')
  .brand<'CredentialId'>();
/** 32 random bytes in base64url: knowing the URL is no proof of anything, but it can't be guessed either. */
export const webhookId = z
  .string()
  .regex(/^wh_[A-Za-z0-9_-]{43}$/)
  .brand<'WebhookId'>();
/** Agents carry the platform's own id. */
export const agentId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'An agent id has 1 to 64 letters, digits, _ or -')
  .brand<'AgentId'>();
export const agentKeyId = z
  .string()
  .regex(/^key_[0-9A-HJKMNP-TV-Z]{26}$/)
  .brand<'AgentKeyId'>();
export const eventId = z
  .string()
  .regex(/^evt_[A-Za-z0-9_-]{43}$/)
  .brand<'EventId'>();
export const messageId = z
  .string()
  .regex(/^msg_[A-Za-z0-9_-]{43}$/)
  .brand<'MessageId'>();
/** Meta's id of an image, a document, … */
export const mediaId = z
  .string()
  .regex(/^\d{1,64}$/, 'A media id consists of digits only')
  .brand<'MediaId'>();
/** Media on their way through us, in either direction. */
export const transferId = z
  .string()
  .regex(/^(?:med|upl)_[A-Za-z0-9_-]{43}$/)
  .brand<'TransferId'>();
/** Those that an agent uploads. */
export const uploadId = transferId.refine((id) => id.startsWith('upl_'));
export const conversationId = z
  .string()
  .regex(/^conv_[A-Za-z0-9_-]{43}$/)
  .brand<'ConversationId'>();

export type TenantId = z.infer<typeof tenantId>;
export type AppId = z.infer<typeof appId>;
export type WabaId = z.infer<typeof wabaId>;
export type PhoneNumberId = z.infer<typeof phoneNumberId>;
export type CredentialId = z.infer<typeof credentialId>;
export type WebhookId = z.infer<typeof webhookId>;
export type AgentId = z.infer<typeof agentId>;
export type AgentKeyId = z.infer<typeof agentKeyId>;
export type EventId = z.infer<typeof eventId>;
export type MessageId = z.infer<typeof messageId>;
export type MediaId = z.infer<typeof mediaId>;
export type TransferId = z.infer<typeof transferId>;
export type ConversationId = z.infer<typeof conversationId>;
