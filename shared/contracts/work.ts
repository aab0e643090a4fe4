import * as z from 'zod';
import { alert, alertAudience, operatorNotice } from './alert.ts';
import { agentId, appId, credentialId, phoneNumberId, tenantId } from './ids.ts';
import { releaseAction } from './queued-events.ts';

/**
 * Work that a change leaves behind. All of it may be done again at any time:
 * `set-up` brings a credential's webhook into the wanted state at Meta, `clean-up` takes a removed credential out of Meta and
 * shreds its last secret, `reseal` gives every credential of a Meta app a proof made with the current App Secret,
 * `retire-secret` shreds a former App Secret once it is accepted no more, `retire-agent-secret` an agent's former signing secret once it
 * signs no more; `release-held` has the held events of numbers replayed, as far as nothing holds them any more, or discarded;
 * `check-credential` asks Meta whether the secrets of that version are still good, because a send from that number was refused;
 * `publish-alert` tells somebody something of a credential, `tell-operators` operators
 * something of the whole,
 * `subscribe` brings the subscriptions of a tenant's topic into the state that the tenant wants.
 */
export const work = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('set-up'),
    tenantId,
    credentialId,
    /** The user asks for what was ours and has been changed since: take it back. */
    reclaim: z.boolean().default(false),
  }),
  z.object({ kind: z.literal('clean-up'), tenantId, credentialId }),
  z.object({ kind: z.literal('reseal'), appId }),
  z.object({ kind: z.literal('retire-secret'), appId, secretVersion: z.number().int().positive() }),
  z.object({
    kind: z.literal('retire-agent-secret'),
    tenantId,
    agentId,
    secretVersion: z.number().int().positive(),
  }),
  z.object({
    kind: z.literal('check-credential'),
    tenantId,
    credentialId,
    secretVersion: z.number().int().positive(),
    /** The number from which nothing is sent meanwhile. */
    phoneNumberId,
    askedAt: z.iso.datetime(),
  }),
  z.object({ kind: z.literal('publish-alert'), tenantId, audience: alertAudience, alert }),
  z.object({ kind: z.literal('tell-operators'), notice: operatorNotice }),
  z.object({ kind: z.literal('subscribe'), tenantId }),
  z.object({
    kind: z.literal('release-held'),
    tenantId,
    /** Those that a credential had when it was asked for: it may be gone when it is done. */
    phoneNumberIds: z.array(phoneNumberId),
    action: releaseAction,
    maxAgeHours: z.number().positive().nullable(),
    /** As in the message to the conversation. */
    heldBefore: z.iso.datetime().nullable(),
    /** How far it has got in the list of what is held; null: nowhere yet. */
    cursor: z.string().nullable(),
    /** The suspended target that this work tries, since when it is suspended: it ends with that. */
    watch: z.object({ agentId, since: z.iso.datetime() }).nullable(),
  }),
]);
export type Work = z.infer<typeof work>;
export type WorkKind = Work['kind'];

/** One message on a work queue. The ticket is the note in the Directory that stays until the work is done. */
export const workMessage = z.object({ version: z.literal(1), ticket: z.string().min(1), work });
export type WorkMessage = z.infer<typeof workMessage>;

/** A check whose time has come. Its note is its entry in the line of checks: who finds it gone has nothing to do. */
export const dueCheck = z.object({ tenantId, credentialId, entry: z.string().min(1), dueAt: z.iso.datetime() });
export type DueCheck = z.infer<typeof dueCheck>;

/** A check without a note: of a credential whose deliveries somebody else seems to sign. Lost, it is made up for by the clock. */
export const suspicion = z.object({ tenantId, credentialId, suspectedAt: z.iso.datetime() });
export type Suspicion = z.infer<typeof suspicion>;
