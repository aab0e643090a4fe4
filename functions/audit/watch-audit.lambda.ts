import * as z from 'zod';
import type { Journal } from '../../shared/domain/journal.ts';
import { journal } from '../edge/operator-journal.ts';
import { streamLambda } from '../edge/stream-lambda.ts';

/** A line of the audit is only ever added; when its time is up DynamoDB itself takes it away, under this name. */
const timeToLive = z.object({
  eventName: z.literal('REMOVE'),
  userIdentity: z.object({ type: z.literal('Service'), principalId: z.literal('dynamodb.amazonaws.com') }),
});

const addition = z.object({ eventName: z.literal('INSERT') });

/** Whose line it is, as far as its key says so. */
const change = z.object({
  eventName: z.string().optional().catch(undefined),
  dynamodb: z
    .object({ Keys: z.object({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) }) })
    .optional()
    .catch(undefined),
});

/**
 * Raises the alarm for every line that was changed or taken away: IAM can't demand that a line is only ever added. Whatever is
 * neither an addition nor the end of a line's time counts, also what cannot be read.
 */
export const watchAudit = (records: readonly unknown[], journal: Journal): void => {
  for (const record of records) {
    if (addition.safeParse(record).success || timeToLive.safeParse(record).success) continue;
    const { eventName, dynamodb } = change.safeParse(record).data ?? {};
    const [tenantId, subjectId] = dynamodb?.Keys.pk.S.split('#') ?? [];
    journal.error('audit-tampered', {
      ...(eventName === undefined ? {} : { kind: eventName }),
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(subjectId === undefined ? {} : { subjectId }),
      ...(dynamodb === undefined ? {} : { auditId: dynamodb.Keys.sk.S }),
    });
    journal.count('AuditTampered');
  }
};

export const handler = streamLambda((records) => Promise.resolve(watchAudit(records, journal)));
