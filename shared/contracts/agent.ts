import * as z from 'zod';
import { agentId, credentialId, phoneNumberId } from './ids.ts';

/** Kinds of event an agent can ask for. `message` is every item of Meta's messages[], whatever its type. */
export const forwardedKind = z.enum(['message', 'status', 'call', 'echo']);
export type ForwardedKind = z.infer<typeof forwardedKind>;

export const agentTarget = z.strictObject({
  type: z.literal('https'),
  url: z.url().max(2048).meta({ description: 'https URL that receives events as signed POST requests' }),
});
export type AgentTarget = z.infer<typeof agentTarget>;

export const agentBehaviour = z.strictObject({
  readReceipts: z.boolean().default(true),
  typingIndicator: z.boolean().default(true),
  forward: z.array(forwardedKind).max(4).default(['message']),
});
export type AgentBehaviour = z.infer<typeof agentBehaviour>;

export const agentRouting = z.strictObject({
  default: z.literal(true).meta({ description: 'This agent answers every conversation of its number' }),
});

/** Present while WhatsApp is enabled for the agent: which of the tenant's numbers it answers, and how. */
export const agentWhatsapp = z.discriminatedUnion('enabled', [
  z.strictObject({
    enabled: z.literal(true),
    credentialId: z.string().min(1).max(64),
    phoneNumberId,
    routing: agentRouting.default({ default: true }),
    behaviour: agentBehaviour.prefault({}),
  }),
  z.strictObject({ enabled: z.literal(false) }),
]);

export const putAgentRequest = z
  .strictObject({
    name: z.string().trim().min(1).max(80),
    target: agentTarget,
    whatsapp: agentWhatsapp.default({ enabled: false }),
  })
  .meta({ id: 'PutAgentRequest' });
export type PutAgentRequest = z.infer<typeof putAgentRequest>;

export const agent = z
  .object({
    id: agentId,
    name: z.string(),
    version: z.number().int().meta({ description: 'Counts edits; the ETag' }),
    target: agentTarget,
    whatsapp: z.discriminatedUnion('enabled', [
      z.object({
        enabled: z.literal(true),
        credentialId,
        phoneNumberId,
        routing: agentRouting,
        behaviour: agentBehaviour,
      }),
      z.object({ enabled: z.literal(false) }),
    ]),
    connection: z.object({
      status: z.enum(['connected', 'degraded', 'action_required', 'invalid', 'unreachable', 'removing', 'disabled']),
      displayPhoneNumber: z.string().nullable(),
    }),
    signingSecret: z
      .string()
      .optional()
      .meta({ description: 'Only in the answer that created it: `whsec_…`, a Standard Webhooks secret' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof agent>;

export const agentList = z
  .object({ items: z.array(agent), nextCursor: z.string().nullable() })
  .meta({ id: 'AgentList' });
