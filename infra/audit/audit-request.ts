import { parseArgs } from 'node:util';
import * as z from 'zod';
import { credentialId, tenantId } from '../../shared/contracts/ids.ts';
import { Refusal } from '../local/refusal.ts';
import { messageOf } from '../operator-command.ts';

const usage =
  'npm run audit -- --tenant NAME --credential ID --since 24h|2026-11-22T10:00:00Z [--stack Switchboard] [--state-dir .local]';

const inMilliseconds = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof inMilliseconds;

const duration = z
  .string()
  .regex(/^\d{1,4}[mhd]$/)
  .transform((text) => Number(text.slice(0, -1)) * inMilliseconds[text.slice(-1) as Unit]);

export interface AuditRequest {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly since: Date;
  readonly stack: string;
  /** Given for a running copy on this machine; else the stack is on AWS. */
  readonly stateDirectory: string | undefined;
}

const request = z.strictObject({
  tenant: tenantId.or(z.never({ error: 'Give the tenant with --tenant.' })),
  credential: credentialId.or(z.never({ error: 'Give the id of the credential with --credential cred_….' })),
  since: z.string({ error: 'Give the time with --since.' }),
  stack: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, { error: 'A stack has letters, digits and hyphens.' })
    .default('Switchboard'),
  'state-dir': z.string().min(1, { error: 'Give the folder of the running copy with --state-dir.' }).optional(),
});

/**
 * Reads the command line.
 * @throws Refusal for an unknown, missing or malformed option, and for a time that is none or lies ahead
 */
export function parseAuditRequest(args: string[], now: Date): AuditRequest {
  try {
    const option = { type: 'string' } as const;
    const { values } = parseArgs({
      args,
      options: { tenant: option, credential: option, since: option, stack: option, 'state-dir': option },
    });
    const { tenant, credential, since, stack, 'state-dir': stateDirectory } = request.parse(values);
    return { tenantId: tenant, credentialId: credential, since: timeOf(since, now), stack, stateDirectory };
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? cause.issues.map((issue) => sentenceOf(issue)).join(' ') : messageOf(cause);
    throw new Refusal(`${reason}\nUsage: ${usage}`, { cause });
  }
}

function timeOf(text: string, now: Date): Date {
  const ago = duration.safeParse(text);
  const time = ago.success ? new Date(now.getTime() - ago.data) : new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new Refusal('The time is a duration such as 30m, 24h or 7d, or a date such as 2026-11-22T10:00:00Z.');
  if (time >= now) throw new Refusal('The time lies ahead.');
  return time;
}

/** Of an id that fits neither, what to give instead. */
const sentenceOf = (issue: z.core.$ZodIssue): string =>
  issue.code === 'invalid_union' ? (issue.errors.flat().at(-1)?.message ?? issue.message) : issue.message;
