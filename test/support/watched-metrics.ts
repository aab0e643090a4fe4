import type { Template } from 'aws-cdk-lib/assertions';
import { nameOf, resourcesOf } from './templates.ts';

/** A metric that an alarm or the dashboard watches, with what CloudWatch finds it by. */
export interface WatchedMetric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: string;
}

export const alarmedMetrics = (template: Template): readonly WatchedMetric[] =>
  Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm')).map(({ Properties }) => ({
    namespace: String(Properties.Namespace),
    name: String(Properties.MetricName),
    dimensions: Object.fromEntries(
      (Properties.Dimensions as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [Name, nameOf(Value)]),
    ),
    statistic: String(Properties.Statistic),
  }));

/** A line of a graph, as the dashboard's source has it: namespace, name, dimensions as pairs, how it is drawn. */
type Line = readonly [namespace: string, name: string, ...dimensionsAndStyle: unknown[]];

interface Widget {
  readonly type: string;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly alarms?: readonly string[];
    readonly metrics?: readonly Line[];
  };
}

/** What CloudWatch draws where nothing is said. */
const average = 'Average';

export const widgetsOf = (template: Template): readonly Widget[] =>
  Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard')).flatMap(({ Properties }) => {
    const { widgets }: { widgets: Widget[] } = JSON.parse(nameOf(Properties.DashboardBody));
    return widgets;
  });

export const shownMetrics = (template: Template): readonly WatchedMetric[] =>
  widgetsOf(template).flatMap(({ properties: { metrics = [] } }) =>
    metrics.map(([namespace, name, ...rest]) => {
      const words = rest.filter((it) => typeof it === 'string');
      const pairs = words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? '']] : []));
      const style = rest.find((it) => typeof it === 'object') as { readonly stat?: string } | undefined;
      return { namespace, name, dimensions: Object.fromEntries(pairs), statistic: style?.stat ?? average };
    }),
  );
