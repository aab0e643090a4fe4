import { type Duration, Stack } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { metricNamespace } from '../../shared/contracts/metrics.ts';

/** What our functions call themselves in metrics and logs: a stack that is tried out beside another one rings at none but its own. */
export const serviceNameOf = (scope: Construct): string => Stack.of(scope).stackName;

/** A metric that our functions count, under the name that their journal gives it: of all tenants together, `service` is its one dimension. */
export const countedMetric = (scope: Construct, metricName: string, statistic: string, period: Duration): Metric =>
  new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: serviceNameOf(scope) },
    statistic,
    period,
  });
