import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { metricNamespace } from '../../shared/contracts/metrics.ts';
import type { Journal, JournalFields } from '../../shared/domain/journal.ts';

// Both take the name of the service from the variable of the function.
const logger = new Logger();
const metrics = new Metrics({ namespace: metricNamespace });

/** JSON log lines of an event name and safe fields; metrics in CloudWatch's embedded format, without any dimension of a tenant. */
export const journal: Journal = {
  info: (event: string, fields: JournalFields = {}) => logger.info(event, { ...fields }),
  warn: (event: string, fields: JournalFields = {}) => logger.warn(event, { ...fields }),
  error: (event: string, fields: JournalFields = {}) => logger.error(event, { ...fields }),
  count: (metric, value = 1) => {
    metrics.addMetric(metric, MetricUnit.Count, value);
  },
};

/** Writes out what was counted; once at the end of an invocation. */
export const publishCounts = (): void => {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
};

/** What may be said of an error: its name, its stable code and the name of its cause. A message may quote input. */
export const safeError = (error: unknown): JournalFields => ({
  errorName: error instanceof Error ? error.name : typeof error,
  ...(error instanceof Error && error.cause instanceof Error ? { causeName: error.cause.name } : {}),
  ...(error instanceof Error && 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
});
