import * as z from 'zod';
import { credentialId, tenantId, wabaId } from './ids.ts';

export const alertKind = z.enum([
  'credential.invalid',
  'credential.action-required',
  'credential.degraded',
  'credential.recovered',
  'credential.token-expiring',
]);
export type AlertKind = z.infer<typeof alertKind>;

/** `critical`: nothing works until somebody acts. `warning`: within the day. `info`: good news. */
export const alertSeverity = z.enum(['critical', 'warning', 'info']);
export type AlertSeverity = z.infer<typeof alertSeverity>;

/** One thing that somebody is told about a credential. It may come twice: the same thing has the same id. Never a secret. */
export const alert = z.object({
  id: z.string().regex(/^alert_[A-Za-z0-9_-]{43}$/),
  kind: alertKind,
  severity: alertSeverity,
  /** When it changed, not when it is told. */
  at: z.iso.datetime(),
  tenantId,
  credentialId,
  wabaId,
  /** What its owner calls the credential; null in what the operator is told. */
  label: z.string().nullable(),
  /** The code of the reason; null when all is well again. */
  code: z.string().nullable(),
  title: z.string(),
  detail: z.string(),
  guidance: z.string(),
  /** Where to go on, in the console. */
  link: z.url(),
});
export type Alert = z.infer<typeof alert>;

/** One thing that whoever runs the platform is told, and that is no single credential's. It may come twice: the same thing has the same id. */
export const operatorNotice = z.object({
  id: z.string().regex(/^alert_[A-Za-z0-9_-]{43}$/),
  kind: z.enum(['meta.outage', 'meta.outage-over']),
  severity: alertSeverity,
  at: z.iso.datetime(),
  title: z.string(),
  detail: z.string(),
  guidance: z.string(),
  link: z.url(),
});
export type OperatorNotice = z.infer<typeof operatorNotice>;

/** Who is told: the owner of the credential, or whoever runs the platform. */
export const alertAudience = z.enum(['tenant', 'operator']);
export type AlertAudience = z.infer<typeof alertAudience>;
