import * as z from 'zod';
import { agentId, credentialId, phoneNumberId } from './ids.ts';

/**
 * Kinds of event an agent can ask for. `message` is every item of Meta's messages[], whatever its type; `account` is what Meta reports
 * of the account or number itself; `echo` is what a human answered from the WhatsApp Business app.
 */
export const forwardedKind = z.enum(['message', 'status', 'call', 'account', 'echo']);
export type ForwardedKind = z.infer<typeof forwardedKind>;

export const agentTarget = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('https'),
    url: z.url().max(2048).meta({ description: 'https URL that receives events as signed POST requests' }),
  }),
  z
    .strictObject({ type: z.literal('platform') })
    .meta({ description: "The platform's own runtime, a Lambda function or an SQS queue that its operator has set" }),
]);
export type AgentTarget = z.infer<typeof agentTarget>;

const spoken = z.string().trim().min(1).max(1024);

const isTimeZone = (name: string): boolean => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== undefined;
  } catch {
    return false;
  }
};

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'A time looks like 09:00, at most 24:00');

export const weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);

/** When somebody is there. `to` before `from` reaches into the next day. */
export const openingHours = z.strictObject({
  days: z.array(weekday).min(1).max(7),
  from: timeOfDay,
  to: timeOfDay,
});
export type OpeningHours = z.infer<typeof openingHours>;

export const awayHours = z.strictObject({
  message: spoken.meta({
    description:
      'Said to the customer outside the hours, once per conversation and absence; once a day where there are no hours',
  }),
  timeZone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'This is not the name of a time zone')
    .meta({ description: 'IANA name', examples: ['Europe/Berlin'] }),
  hours: z.array(openingHours).max(21).meta({ description: 'When somebody is there; none at all means always away' }),
});
export type AwayHours = z.infer<typeof awayHours>;

export const agentBehaviour = z.strictObject({
  readReceipts: z.boolean().default(true),
  typingIndicator: z
    .boolean()
    .default(true)
    .meta({ description: 'Only together with read receipts: Meta knows no other' }),
  forward: z.array(forwardedKind).max(5).default(['message']),
  greeting: spoken
    .nullable()
    .default(null)
    .meta({ description: 'Said to the customer at the start of a conversation' }),
  away: awayHours.nullable().default(null),
});
export type AgentBehaviour = z.infer<typeof agentBehaviour>;

export const routingConditions = z
  .strictObject({
    keywords: z
      .array(z.string().trim().min(1).max(100))
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Whole words or phrases in what the customer wrote or chose, whatever their case' }),
    senders: z
      .array(z.string().trim().min(1).max(160))
      .min(1)
      .max(200)
      .optional()
      .meta({
        description: 'Phone numbers with country code, user ids, or ids of groups',
        examples: [['+4915112345678', 'DE.13491208655302741918']],
      }),
    referralSourceIds: z
      .array(z.string().trim().min(1).max(64))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Ads or posts (Click to WhatsApp) through which the customer came' }),
  })
  .refine((conditions) => Object.values(conditions).some((list) => list !== undefined), 'Name at least one condition');
export type RoutingConditions = z.infer<typeof routingConditions>;

const conversationMinutes = z.int().min(5).max(10_080).default(1_440).meta({
  description:
    'A conversation stays with the agent for at least so long after the last message of the customer, at most a third longer',
});

/**
 * Which conversations of its number the agent gets: those that meet all kinds of condition it names (any entry of a kind is
 * enough), asked in the order of `priority`, 1 first; or, as the default agent, all that nobody else took.
 */
export const agentRouting = z.union([
  z.strictObject({ default: z.literal(true), conversationMinutes }),
  z.strictObject({ priority: z.int().min(1).max(1000), conditions: routingConditions, conversationMinutes }),
]);
export type AgentRouting = z.infer<typeof agentRouting>;

/** Present while WhatsApp is enabled for the agent: which of the tenant's numbers it answers, and how. */
export const agentWhatsapp = z.discriminatedUnion('enabled', [
  z.strictObject({
    enabled: z.literal(true),
    credentialId: z.string().min(1).max(64),
    phoneNumberId,
    routing: agentRouting.prefault({ default: true }),
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

/**
 * Whether events reach the agent. `paused`: by its user. `suspended`: the target fails; it is tried again by itself. `gone`: the target
 * answered 410, which it has to be told otherwise. In all three cases events are held.
 */
export const dispatchState = z.enum(['active', 'paused', 'suspended', 'gone']);

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
      lastInboundAt: z.iso.datetime().nullable().meta({
        description: 'When a customer last wrote or called, of what this agent gets. Null in answers to changes',
      }),
      lastOutboundAt: z.iso
        .datetime()
        .nullable()
        .meta({ description: 'When Meta last took a message of this agent. Null in answers to changes' }),
    }),
    dispatch: z.object({ state: dispatchState, since: z.iso.datetime().nullable() }),
    signingSecret: z
      .string()
      .optional()
      .meta({ description: 'Only in the answer that created or rotated it: `whsec_…`, a Standard Webhooks secret' }),
    previousSigningSecretUntil: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'Until then events are signed with the former secret, too' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof agent>;

export const agentList = z
  .object({ items: z.array(agent), nextCursor: z.string().nullable() })
  .meta({ id: 'AgentList' });

/** What came of a sample event. Nothing of the agent's answer is repeated. */
export const agentTest = z
  .object({
    outcome: z.enum(['answered', 'refused', 'gone', 'failed']).meta({
      description:
        '`answered`: taken. `refused`: a definite no. `gone`: 410, no event any more. `failed`: a real event would be repeated',
    }),
    httpStatus: z.int().nullable().meta({ description: 'Null where there was no answer' }),
    durationMs: z.int(),
    replies: z.int().meta({ description: 'How many messages the answer held. None of them was sent' }),
    detail: z.string(),
    guidance: z.string(),
  })
  .meta({ id: 'AgentTest' });
export type AgentTest = z.infer<typeof agentTest>;
