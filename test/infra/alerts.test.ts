import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { statementsOf } from '../../infra/access-matrix.ts';
import { metricNamespace } from '../../shared/contracts/metrics.ts';
import { nameOf, resourcesOf, templateOf } from '../support/templates.ts';
import { alarmedMetrics, shownMetrics, widgetsOf } from '../support/watched-metrics.ts';

const template = templateOf('prod');
const propertiesOf = (type: string, of = template) => Object.values(resourcesOf(of, type)).map((it) => it.Properties);
const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
/** Heading and text of each article. */
const articles = new Map(
  runbook
    .split(/^## /m)
    .slice(1)
    .map((article): [string, string] => [article.split('\n')[0] ?? '', article]),
);

describe('every alarm', () => {
  const alarms = propertiesOf('AWS::CloudWatch::Alarm');

  it('rings at the topic of the operators', () => {
    expect(alarms.length).toBeGreaterThan(0);
    for (const { AlarmActions } of alarms)
      expect((AlarmActions as unknown[]).map(nameOf)).toEqual(['AlertsOperatorTopic']);
  });

  it('says how bad it is and where to read on: an article of the runbook with what it means and what to do', () => {
    for (const { AlarmDescription } of alarms) {
      expect(AlarmDescription).toMatch(/^(CRITICAL|WARNING): [A-Z].+\. What to do: docs\/runbook\.md#[a-z-]+$/);
      const [name = '', article] =
        [...articles].find(([heading]) => heading.toLowerCase() === String(AlarmDescription).split('#')[1]) ?? [];
      for (const part of ['**What it means.**', '**How to look.**', '**What to do.**'])
        expect(article, String(AlarmDescription)).toContain(part);
      expect(alarmsNamed(name)).not.toEqual([]);
    }
  });

  it('is one that exists, for each article that there is', () => {
    for (const heading of articles.keys()) expect(alarmsNamed(heading), heading).not.toEqual([]);
  });

  it('watches a metric under its own name, where it is one that our functions count', () => {
    const ours = alarms.filter(({ Namespace }) => Namespace === metricNamespace);
    expect(ours.length).toBeGreaterThan(0);
    for (const { MetricName, AlarmDescription } of ours)
      expect(String(AlarmDescription).split('#')[1]).toBe(String(MetricName).toLowerCase());
  });
});

/** By the end of its logical id, which is the name of its article. */
const alarmsNamed = (name: string) =>
  Object.entries(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
    .filter(([id]) => id.slice(0, -8).endsWith(name))
    .map(([, { Properties }]) => Properties);

describe('the alarms on queues', () => {
  /** Batches of streams that were given up. */
  const ofStreams = ['ActivityUncounted', 'AlertDeliveryUnheard', 'AuditWatchUnheard'];
  /** Logical ids, without the hash, of the queues that are dead-letter queues of others. */
  const deadLetterQueues = propertiesOf('AWS::SQS::Queue').flatMap(({ RedrivePolicy }) =>
    RedrivePolicy === undefined
      ? []
      : [nameOf((RedrivePolicy as { readonly deadLetterTargetArn: unknown }).deadLetterTargetArn)],
  );
  const queueOf = ({ Dimensions }: Record<string, unknown>) => {
    const [{ Name, Value }, ...others] = Dimensions as [{ Name: string; Value: unknown }];
    expect([Name, others]).toEqual(['QueueName', []]);
    return nameOf(Value);
  };
  const rightAway = {
    Namespace: 'AWS/SQS',
    Statistic: 'Maximum',
    Period: 60,
    EvaluationPeriods: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'notBreaching',
  };

  it('ring, critically, at the first event that failed for good', () => {
    const [alarm, ...others] = alarmsNamed('EventsDeadLettered');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1 });
    expect(alarm?.AlarmDescription).toMatch(/^CRITICAL/);
    expect(alarm && queueOf(alarm)).toBe('WebhookInboxEventsDeadLetters');
  });

  it('ring, as a warning, at the first piece of other work that failed for good, one for each queue', () => {
    const alarms = alarmsNamed('WorkDeadLettered');
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1 });
      expect(alarm.AlarmDescription).toMatch(/^WARNING/);
    }
    expect(alarms.map(queueOf).sort()).toEqual(
      deadLetterQueues.filter((queue) => queue !== 'WebhookInboxEventsDeadLetters').sort(),
    );
    expect(alarms.length).toBeGreaterThanOrEqual(3);
  });

  it('ring, critically, at the first changes of the audit that nobody could judge', () => {
    const [alarm, ...others] = alarmsNamed('AuditUnheard');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1 });
    expect(alarm?.AlarmDescription).toMatch(/^CRITICAL/);
    expect(alarm && queueOf(alarm)).toBe('AuditWatchUnheard');
  });

  it('ring, critically, when a dead letter of any queue has lain there for ten of its fourteen days', () => {
    const alarms = alarmsNamed('DeadLettersExpiring');
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({
        ...rightAway,
        MetricName: 'ApproximateAgeOfOldestMessage',
        Threshold: 10 * 24 * 60 * 60,
      });
      expect(alarm.AlarmDescription).toMatch(/^CRITICAL/);
    }
    expect(alarms.map(queueOf).sort()).toEqual([...deadLetterQueues, ...ofStreams].sort());
  });

  it('ring, as a warning, when a credential has waited half an hour for its check', () => {
    const alarms = alarmsNamed('ChecksDelayed');
    expect(alarms.map(queueOf).sort()).toEqual(['HealthWatchChecksQueue', 'HealthWatchDueChecksQueue']);
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateAgeOfOldestMessage', Threshold: 1800 });
      expect(alarm.AlarmDescription).toMatch(/^WARNING/);
    }
  });

  it('ring, as a warning, when an event has waited a quarter of an hour', () => {
    const [alarm, ...others] = alarmsNamed('EventsDelayed');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateAgeOfOldestMessage', Threshold: 900 });
    expect(alarm?.AlarmDescription).toMatch(/^WARNING/);
    expect(alarm && queueOf(alarm)).toBe('WebhookInboxEventsQueue');
  });
});

/** One alarm of this name, by everything that decides when it rings. */
const theAlarm = (name: string) => {
  const [alarm, ...others] = alarmsNamed(name);
  expect(others).toEqual([]);
  const { AlarmDescription, Dimensions } = alarm ?? {};
  const dimensions = (Dimensions as { Name: string; Value: unknown }[]).map((it): [string, string] => [
    it.Name,
    nameOf(it.Value),
  ]);
  return { ...alarm, severity: String(AlarmDescription).split(':')[0], Dimensions: Object.fromEntries(dimensions) };
};
const reached = { ComparisonOperator: 'GreaterThanOrEqualToThreshold', TreatMissingData: 'notBreaching' };
const once = { Period: 60, EvaluationPeriods: 1, Threshold: 1, Statistic: 'Sum' };
const inFiveMinutes = (Threshold: number) => ({ Period: 300, EvaluationPeriods: 1, Threshold, Statistic: 'Sum' });
const threeTimesInARow = (Threshold: number, Statistic: string) => ({
  Period: 300,
  EvaluationPeriods: 3,
  Threshold,
  Statistic,
});

describe('the alarms on what our functions count, of all tenants together, ring', () => {
  it.each([
    ['critically at the first change of the audit', 'AuditTampered', 'CRITICAL', once],
    ['critically at the first secret that does not open', 'SecretsRefused', 'CRITICAL', once],
    ['critically when KMS has been away for three secrets', 'KmsFailed', 'CRITICAL', inFiveMinutes(3)],
    ['critically when Meta was answered with a 500 five times', 'WebhookFailed', 'CRITICAL', inFiveMinutes(5)],
    ['as a warning at a burst of wrong signatures', 'WebhookRefused', 'WARNING', inFiveMinutes(50)],
    ['critically when the router throws at three events or more', 'EventFailed', 'CRITICAL', inFiveMinutes(30)],
    [
      'as a warning when a quarter of the calls of Meta fails for a quarter of an hour',
      'GraphFailed',
      'WARNING',
      threeTimesInARow(0.25, 'Average'),
    ],
    [
      'as a warning when something unforeseen goes on for a quarter of an hour',
      'UnhandledError',
      'WARNING',
      threeTimesInARow(1, 'Sum'),
    ],
  ])('%s', (_when, name, severity, limit) => {
    expect(theAlarm(name)).toMatchObject({
      ...reached,
      ...limit,
      severity,
      Namespace: 'Switchboard',
      MetricName: name,
      Dimensions: { service: 'Switchboard' },
    });
    expect(Object.keys(theAlarm(name).Dimensions)).toEqual(['service']);
  });

  it('and there are no others', () => {
    expect(alarmedMetrics(template).filter(({ namespace }) => namespace === metricNamespace)).toHaveLength(11);
  });
});

it('a stack that is tried out beside another one rings at none but its own', () => {
  const services = (stage: 'prod' | 'dev') =>
    new Set(alarmedMetrics(templateOf(stage)).flatMap(({ dimensions }) => dimensions.service ?? []));
  expect([services('prod'), services('dev')]).toEqual([new Set(['Switchboard']), new Set(['Switchboard-dev'])]);
});

describe('the alarms on silence ring, critically, after a quarter of an hour, and nothing at all is the worst of it', () => {
  const silent = {
    Period: 900,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'LessThanThreshold',
    TreatMissingData: 'breaching',
    severity: 'CRITICAL',
  };

  it('of the planner of checks, which counts each time it comes to its end', () => {
    expect(theAlarm('ChecksPlanned')).toMatchObject({
      ...silent,
      Statistic: 'SampleCount',
      Dimensions: { service: 'Switchboard' },
    });
  });

  it('of the sweeper', () => {
    expect(theAlarm('SweeperStopped')).toMatchObject({
      ...silent,
      MetricName: 'Invocations',
      Statistic: 'Sum',
      Dimensions: { FunctionName: 'WorkSweeperSweepWorkFunction' },
    });
  });
});

describe('the alarms on delay', () => {
  it('ring, critically, when a function hears of a stream an hour late, one for each stream', () => {
    const alarms = alarmsNamed('ChangesDelayed');
    for (const alarm of alarms)
      expect(alarm).toMatchObject({
        ...reached,
        Namespace: 'AWS/Lambda',
        MetricName: 'IteratorAge',
        Statistic: 'Maximum',
        Threshold: 3_600_000,
      });
    expect(alarms.map(({ Dimensions }) => nameOf((Dimensions as [{ Value: unknown }])[0].Value)).sort()).toEqual([
      'ActivityProjectActivityFunction',
      'AlertDeliveryWatchCredentialsFunction',
      'AuditWatchWatchAuditFunction',
    ]);
  });

  it('ring, as a warning, when an alert has waited a quarter of an hour', () => {
    expect(theAlarm('AlertsDelayed')).toMatchObject({
      ...reached,
      severity: 'WARNING',
      MetricName: 'ApproximateAgeOfOldestMessage',
      Threshold: 900,
      Dimensions: { QueueName: 'AlertDeliveryRequestsQueue' },
    });
  });
});

it('no tenant keeps the alerts of another waiting; counters, whose rows events share, are written by one at a time', () => {
  const lanes = propertiesOf('AWS::Lambda::EventSourceMapping')
    .filter(({ StartingPosition }) => StartingPosition !== undefined)
    .map(({ EventSourceArn, ParallelizationFactor }) => [nameOf(EventSourceArn), ParallelizationFactor ?? 1]);
  expect(Object.fromEntries(lanes)).toEqual({
    DirectoryRecordsTable: 10,
    EventStoreEventsTable: 1,
    AuditLogAccessesTable: 1,
  });
});

describe('the alarms on the receiver and the API ring', () => {
  it.each([
    ['ReceiverCrashed', 'Errors'],
    ['ReceiverThrottled', 'Throttles'],
  ])('critically, %s, at five %s of the receiver in five minutes', (name, MetricName) => {
    expect(theAlarm(name)).toMatchObject({
      ...reached,
      ...inFiveMinutes(5),
      severity: 'CRITICAL',
      Namespace: 'AWS/Lambda',
      MetricName,
    });
    expect(theAlarm(name).Dimensions).toEqual({ FunctionName: 'WebhookInboxReceiveWebhookFunction' });
  });

  it('as a warning at five answers of 5xx in five minutes', () => {
    expect(theAlarm('ApiFailing')).toMatchObject({
      ...reached,
      ...inFiveMinutes(5),
      severity: 'WARNING',
      Namespace: 'AWS/ApiGateway',
      MetricName: '5xx',
    });
    const [api = ''] = Object.keys(resourcesOf(template, 'AWS::ApiGatewayV2::Api'));
    expect(theAlarm('ApiFailing').Dimensions).toEqual({ ApiId: nameOf({ Ref: api }), Stage: '$default' });
  });
});

describe('the alarm on a changed audit', () => {
  it('hears of changes and removals alone, from the first on, and keeps what could not be judged', () => {
    const mapping = propertiesOf('AWS::Lambda::EventSourceMapping').find(
      ({ EventSourceArn }) => nameOf(EventSourceArn) === 'AuditLogAccessesTable',
    );
    expect(mapping).toMatchObject({
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["MODIFY","REMOVE"]}' }] },
      StartingPosition: 'TRIM_HORIZON',
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 100,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^AuditWatchUnheard/), 'Arn'] } },
      },
    });
  });
});

describe('the dashboard', () => {
  const queues = Object.keys(resourcesOf(template, 'AWS::SQS::Queue')).map((id) => nameOf({ Ref: id }));
  const shown = shownMetrics(template);

  it('is one, and CloudWatch names it', () => {
    expect(propertiesOf('AWS::CloudWatch::Dashboard').map((it) => Object.keys(it))).toEqual([
      ['DashboardBody', 'Tags'],
    ]);
  });

  it('shows on top the state of every alarm that there is', () => {
    const [first] = widgetsOf(template);
    expect(first?.type).toBe('alarm');
    expect([...(first?.properties.alarms ?? [])].sort()).toEqual(
      Object.keys(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
        .map((id) => nameOf({ Ref: id }))
        .sort(),
    );
  });

  it('follows the way of a message', () => {
    const headings = widgetsOf(template).flatMap((it) => /^## (\w+)/.exec(String(it.properties.markdown))?.[1] ?? []);
    expect(headings).toEqual(['Receiving', 'Queues', 'Routing', 'Sending', 'Meta', 'Checks']);
  });

  it.each(['ApproximateNumberOfMessagesVisible', 'ApproximateAgeOfOldestMessage'])(
    'shows %s of every queue',
    (metric) => {
      const of = shown.filter(({ name }) => name === metric).map(({ dimensions }) => dimensions.QueueName);
      expect([...new Set(of)].sort()).toEqual([...queues].sort());
    },
  );

  it('shows the error rate of Meta as the average, and how many calls it is of', () => {
    const drawn = shown.filter(({ name }) => name === 'GraphFailed').map(({ statistic }) => statistic);
    expect(drawn).toEqual(['Average', 'SampleCount']);
  });
});

describe('no metric is of a tenant, a credential, an agent or a number', () => {
  /** What CloudWatch may tell our metrics apart by: things that the stack is made of. */
  const ofTheStack = ['service', 'QueueName', 'FunctionName', 'ApiId', 'Stage'];

  it.each([
    ['an alarm watches', alarmedMetrics(template)],
    ['the dashboard shows', shownMetrics(template)],
  ])('that %s', (_who, metrics) => {
    expect(metrics.length).toBeGreaterThan(20);
    for (const { name, dimensions } of metrics)
      for (const dimension of Object.keys(dimensions)) expect(ofTheStack, name).toContain(dimension);
  });
});

describe('the alarm on activity that was not counted', () => {
  const mapping = propertiesOf('AWS::Lambda::EventSourceMapping').find(
    ({ EventSourceArn }) => nameOf(EventSourceArn) === 'EventStoreEventsTable',
  );

  it('rings, as a warning, at the first batch that was given up', () => {
    const [alarm, ...others] = alarmsNamed('ActivityUncounted');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1 });
    expect(alarm?.AlarmDescription).toMatch(/^WARNING/);
    expect(JSON.stringify(alarm?.Dimensions)).toContain('ActivityUncounted');
  });

  it('comes after a hundred tries, and after the good part of a batch was counted by itself', () => {
    expect(mapping).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 100,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^ActivityUncounted/), 'Arn'] } },
      },
    });
  });

  it('is about claims, messages and lines alone: what is counted comes through the same stream', () => {
    const patterns = [
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { Keys: { sk: { S: ['CLAIM', 'MESSAGE'] } } } },
      { dynamodb: { Keys: { sk: { S: [{ prefix: 'HELD#' }, { prefix: 'ASIDE#' }] } } } },
    ];
    expect(mapping?.FilterCriteria).toEqual({
      Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })),
    });
  });
});

describe('the topic of the operators', () => {
  it('is encrypted with the data key, takes TLS alone, and lets the alarms of this stack publish and nobody else', () => {
    const topics = propertiesOf('AWS::SNS::Topic');
    expect(topics.map(({ KmsMasterKeyId }) => nameOf(KmsMasterKeyId))).toEqual(['DataKey']);
    const statements = propertiesOf('AWS::SNS::TopicPolicy').flatMap((it) => statementsOf(it.PolicyDocument));
    expect(statements.filter(({ Effect }) => Effect === 'Allow')).toEqual([
      {
        Sid: 'AlarmsOfThisStack',
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: { Ref: expect.stringMatching(/^AlertsOperatorTopic/) },
        Condition: {
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          ArnLike: { 'aws:SourceArn': expect.anything() },
        },
      },
    ]);
    expect(statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([
      expect.objectContaining({ Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    ]);
  });

  it('has a subscriber only where the operator names one', () => {
    expect(propertiesOf('AWS::SNS::Subscription')).toEqual([]);
    const subscribed = templateOf('prod', { operatorEmail: 'ops@example.com' });
    expect(propertiesOf('AWS::SNS::Subscription', subscribed)).toMatchObject([
      { Protocol: 'email', Endpoint: 'ops@example.com' },
    ]);
  });
});

describe('the alarms on changes of credentials that nobody was told of', () => {
  it('ring for a row that nobody can read, and for a batch that was given up', () => {
    const alarms = alarmsNamed('ChangesUnheard');
    expect(alarms.map(({ Namespace, MetricName }) => [Namespace, MetricName]).sort()).toEqual([
      ['AWS/SQS', 'ApproximateNumberOfMessagesVisible'],
      [metricNamespace, 'ChangesUnheard'],
    ]);
    for (const alarm of alarms) expect(alarm).toMatchObject({ Threshold: 1, TreatMissingData: 'notBreaching' });
  });

  it('come after a hundred repeats, and a batch that fails is halved so that it keeps no other waiting', () => {
    const [mapping, ...others] = propertiesOf('AWS::Lambda::EventSourceMapping').filter(
      ({ EventSourceArn }) => nameOf(EventSourceArn) === 'DirectoryRecordsTable',
    );
    expect(others).toEqual([]);
    expect(mapping).toMatchObject({
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 100,
      DestinationConfig: { OnFailure: { Destination: expect.anything() } },
    });
    const pattern = JSON.stringify({ dynamodb: { Keys: { sk: { S: [{ prefix: 'CRED#' }] } } } });
    expect(mapping).toMatchObject({ FilterCriteria: { Filters: [{ Pattern: pattern }] } });
  });
});
