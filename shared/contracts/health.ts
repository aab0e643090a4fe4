import * as z from 'zod';
import { credentialStatus, reason } from './credential.ts';
import { credentialId, phoneNumberId } from './ids.ts';
import { metaReason } from './meta-errors.ts';
import { check } from './problem.ts';

const ability = z
  .string()
  .nullable()
  .meta({ description: 'AVAILABLE, LIMITED, BLOCKED, or what Meta calls it next; null: Meta did not say' });
const problem = z.string().nullable().meta({ description: 'Meta’s own words about it' });

export const furtherReasons = z
  .array(reason)
  .meta({ description: 'What else is wrong, or worth a remark, the worse first' });

/** How a credential is, and what its last check has seen. */
export const credentialHealthView = z
  .object({
    credentialId,
    status: credentialStatus,
    reason: reason.nullable(),
    furtherReasons,
    triedAt: z.iso.datetime().nullable().meta({ description: 'When Meta was last asked' }),
    checkedAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'When Meta last gave a verdict: what follows is as it was then' }),
    meta: metaReason.nullable().meta({
      description: 'What Meta answered when it was last asked and gave no verdict; null: nothing, or a verdict',
    }),
    nextCheckAt: z.iso.datetime().meta({ description: 'When it is checked by itself' }),
    checks: z.array(check),
    account: z
      .object({
        canSend: ability,
        problem,
        entity: z.string().nullable().meta({ description: 'Whom Meta says the worst of: WABA, BUSINESS or APP' }),
      })
      .nullable(),
    phoneNumbers: z
      .array(
        z.object({
          phoneNumberId,
          canSend: ability,
          problem,
          platformType: z.string().nullable().meta({ description: 'NOT_APPLICABLE: it has to be registered' }),
          throughput: z.string().nullable(),
          nameStatus: z.string().nullable(),
        }),
      )
      .meta({ description: 'Numbers that agents answer' }),
  })
  .meta({ id: 'CredentialHealth' });
export type CredentialHealthView = z.infer<typeof credentialHealthView>;

/** The same with what it was before, the newest first. */
export const describedHealth = credentialHealthView
  .extend({
    history: z
      .array(
        z.object({
          at: z.iso.datetime(),
          from: z.object({ status: credentialStatus, code: z.string().nullable() }),
          to: z.object({ status: credentialStatus, reason: reason.nullable() }),
        }),
      )
      .meta({ description: 'Each change of status or reason, for 90 days' }),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'DescribedHealth' });
export type DescribedHealth = z.infer<typeof describedHealth>;
