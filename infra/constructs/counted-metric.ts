import type { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { metricNamespace, metricService } from '../../shared/contracts/metrics.ts';

/** A metric that our functions count, under the name that their journal gives it: of all tenants together, `service` is its one dimension. */
export const countedMetric = (metricName: string, statistic: string, period: Duration): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: metricService },
    statistic,
    period,
  });
