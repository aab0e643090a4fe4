import * as z from 'zod';
import { agentId, eventId, messageId, phoneNumberId } from './ids.ts';
import { metaReason } from './meta-errors.ts';
import { eventKind } from './queued-events.ts';

const count = (description: string) => z.number().int().min(0).meta({ description });

/** How often something happened. Each counts once per event, message or reply, whatever is repeated. */
export const activityCounts = z
  .object({
    in: count('Messages and calls of customers that came in, whether an agent wanted them or not'),
    dispatched: count('Events of any kind that an agent took'),
    answered: count(
      'Replies that an agent gave in answer to an event and that Meta took; of those, what Meta could not deliver afterwards counts as `failed` too',
    ),
    sent: count('Messages sent through the API that Meta took'),
    failed: count(
      'Events that an agent refused for good, replies that Meta refused, of which nobody knows or which Meta could not deliver, messages that Meta refused or could not deliver. A round in which an agent or Meta could not be reached is repeated and does not count; nor does what was refused before Meta was asked',
    ),
    held: count('Events that had to wait because the integration was disabled, or the agent paused or out of order'),
    statuses: count(
      'Reports of Meta that a message sent through the API was delivered, or read. Statuses that an agent asks for are among `dispatched`',
    ),
    echoes: count('Answers that a human gave from the WhatsApp Business app and that an agent heard of'),
    notices: count('What Meta reported of the account itself'),
  })
  .meta({ id: 'ActivityCounts' });
export type ActivityCounts = z.infer<typeof activityCounts>;

export const activityCounter = activityCounts.keyof();
export type ActivityCounter = z.infer<typeof activityCounter>;

/** How far the hourly and the daily points go back, the hour and the day under way included. */
export const hoursShown = 24;
export const daysShown = 30;

const sums = {
  last24h: activityCounts.meta({ description: 'Of the 24 hourly points' }),
  last30d: activityCounts.meta({ description: 'Of the 30 daily points' }),
};
export const activitySums = z.object(sums);
export type ActivitySums = z.infer<typeof activitySums>;

export const activityPoint = activityCounts
  .extend({ from: z.iso.datetime().meta({ description: 'Where the hour or the day (UTC) begins' }) })
  .meta({ id: 'ActivityPoint' });
export type ActivityPoint = z.infer<typeof activityPoint>;

export const activityCounters = z
  .object({
    ...sums,
    hours: z.array(activityPoint).length(hoursShown).meta({ description: 'The oldest first' }),
    days: z.array(activityPoint).length(daysShown).meta({ description: 'The oldest first' }),
  })
  .meta({ id: 'ActivityCounters' });
export type ActivityCounters = z.infer<typeof activityCounters>;

/**
 * What became of it, as far as is known. `received`: nothing yet. `unwanted`: no agent asks for it. `noted`: of the account. `held`: it waits, or its user had it
 * discarded. `dispatched`: its agent took it. `refused`: its agent refused it for good. `answered`: and a reply was sent. `sent`, `delivered`, `read`: a message of the API.
 * `failed`: Meta refused it, or something of the answer. `unknown`: nobody knows whether Meta took it.
 */
export const activityOutcome = z.enum([
  'received',
  'unwanted',
  'noted',
  'held',
  'dispatched',
  'answered',
  'sent',
  'delivered',
  'read',
  'refused',
  'unknown',
  'failed',
]);
export type ActivityOutcome = z.infer<typeof activityOutcome>;

export const activityEvent = z
  .object({
    id: z.union([eventId, messageId]),
    at: z.iso.datetime().meta({ description: 'When it came in, or was sent' }),
    kind: eventKind,
    direction: z.enum(['in', 'out']),
    agentId: agentId.nullable().meta({ description: 'The agent that got it or sent it' }),
    phoneNumberId: phoneNumberId.nullable().meta({ description: 'Null for what is about the account' }),
    outcome: activityOutcome,
    meta: metaReason.nullable().meta({ description: 'Why it failed, where Meta said so' }),
  })
  .meta({ id: 'ActivityEvent', description: 'What happened, never what was said nor with whom' });
export type ActivityEvent = z.infer<typeof activityEvent>;

export const credentialActivity = z
  .object({
    counters: activityCounters,
    phoneNumbers: z.array(activitySums.extend({ phoneNumberId })).meta({ description: 'Those of which there is any' }),
    agents: z.array(activitySums.extend({ agentId })).meta({ description: 'Those of which there is any' }),
    items: z.array(activityEvent).meta({ description: 'The newest first, 30 days back' }),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'CredentialActivity' });
export type CredentialActivity = z.infer<typeof credentialActivity>;
