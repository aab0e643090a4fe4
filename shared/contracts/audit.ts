import * as z from 'zod';
import { secretPurpose } from './secret-purpose.ts';

export const auditAction = z.enum([
  'open',
  'seal',
  'shred',
  'create',
  'update',
  'disable',
  'enable',
  'remove',
  'removed',
]);
export type AuditAction = z.infer<typeof auditAction>;

const phase = z.enum(['attempt', 'outcome']);
const outcome = z.enum(['ok', 'refused']);
const actorKind = z.enum(['user', 'agent-key', 'function']);

/** One line of a list of accesses, as users see it. */
export const auditItem = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    action: auditAction,
    phase: phase.optional().meta({ description: 'Of an `open`: an `attempt` before it, its `outcome` after it' }),
    outcome: outcome.optional(),
    purpose: secretPurpose.optional().meta({ description: 'What the secret is for' }),
    secretVersion: z.number().int().optional(),
    owner: z
      .string()
      .optional()
      .meta({ description: 'Whose secret it is: the credential itself, or `app_…` for one that its Meta app shares' }),
    about: z.array(z.string()).optional().meta({ description: 'Names of what was changed; never a value' }),
    actor: z.object({
      kind: actorKind,
      id: z
        .string()
        .meta({ description: 'Subject of the access token, id of the agent’s key, or name of the function' }),
    }),
    requestId: z.string().meta({ description: 'In answer to which request' }),
    kmsRequestId: z.string().optional().meta({ description: 'The same opening in CloudTrail' }),
  })
  .meta({ id: 'AuditItem' });
export type AuditItem = z.infer<typeof auditItem>;

export const auditList = z
  .object({ items: z.array(auditItem), nextCursor: z.string().nullable() })
  .meta({ id: 'AuditList' });

/** A row of the Audit table, read as an item. Its id is the sort key: a ULID, so that ids are in the order of time. */
export const auditRow = z
  .object({
    sk: z.string(),
    at: z.iso.datetime(),
    action: auditAction,
    phase: phase.optional(),
    outcome: outcome.optional(),
    purpose: secretPurpose.optional(),
    secretVersion: z.number().int().optional(),
    ownerId: z.string().optional(),
    about: z.array(z.string()).optional(),
    actor: z.string(),
    actorKind,
    requestId: z.string(),
    kmsRequestId: z.string().optional(),
  })
  .transform(
    ({ sk, ownerId, actor, actorKind: kind, ...said }): AuditItem => ({
      id: sk,
      ...said,
      ...(ownerId === undefined ? {} : { owner: ownerId }),
      actor: { kind, id: actor },
    }),
  );
