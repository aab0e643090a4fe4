import * as z from 'zod';
import { agentId, conversationId, phoneNumberId } from './ids.ts';

/**
 * How long held events are kept, bodies and places in line, in days. Claims and conversations outlive them. Relayed events need their bodies as long as
 * a queue keeps a message, 14 days: not less.
 */
export const heldDays = 14;

const longestHeldHours = heldDays * 24;

/**
 * Why the events of a conversation wait. `stopped`: the integration is disabled, by Meta or by a check. `paused`: by the agent's user. `suspended`: the agent's
 * target fails. `gone`: it answered 410. `choice`: they are older than a day, or the agent could not take them: replay or discard them.
 * `replaying`: nothing holds them any more.
 */
export const heldReason = z.enum(['stopped', 'paused', 'suspended', 'gone', 'choice', 'replaying']);

export const heldConversation = z.object({
  conversationId,
  phoneNumberId,
  agentId: agentId.meta({ description: 'The agent that the latest of them was for' }),
  reason: heldReason,
  heldSince: z.iso.datetime().meta({ description: 'Since when something of this conversation is held' }),
  waiting: z
    .number()
    .int()
    .meta({ description: 'Events that are replayed by themselves when nothing holds them any more' }),
  needsChoice: z.number().int().meta({ description: 'Events that wait for you: replay or discard them' }),
});

export const heldList = z
  .object({ items: z.array(heldConversation), nextCursor: z.string().nullable() })
  .meta({ id: 'HeldList' });

export const replayHeldRequest = z
  .strictObject({
    maxAgeHours: z
      .number()
      .positive()
      .max(longestHeldHours)
      .optional()
      .meta({ description: 'Only what has been held no longer; what is older keeps waiting' }),
  })
  .meta({ id: 'ReplayHeldRequest' });
export type ReplayHeldRequest = z.infer<typeof replayHeldRequest>;

export const heldRelease = z
  .object({ credentialId: z.string(), action: z.enum(['replay', 'discard']) })
  .meta({ id: 'HeldRelease', description: 'Asked for; the list shows what is left' });
