import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { handler } from '../../functions/audit/watch-audit.lambda.ts';
import { statementsOf } from '../../infra/access-matrix.ts';
import { metricNamespace } from '../../shared/contracts/metrics.ts';
import { context } from '../support/lambda.ts';
import { nameOf, resourcesOf, templateOf } from '../support/templates.ts';

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

  it('ring, as a warning, when an event has waited a quarter of an hour', () => {
    const [alarm, ...others] = alarmsNamed('EventsDelayed');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({ ...rightAway, MetricName: 'ApproximateAgeOfOldestMessage', Threshold: 900 });
    expect(alarm?.AlarmDescription).toMatch(/^WARNING/);
    expect(alarm && queueOf(alarm)).toBe('WebhookInboxEventsQueue');
  });
});

describe('the alarm on a changed audit', () => {
  const [alarm] = propertiesOf('AWS::CloudWatch::Alarm').filter(({ MetricName }) => MetricName === 'AuditTampered');
  afterEach(() => vi.restoreAllMocks());

  it('watches the very metric that the handler counts: name, namespace and dimensions', async () => {
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const Records = [
      { eventName: 'MODIFY', dynamodb: { Keys: { pk: { S: 'acme#cred_1' }, sk: { S: '01J' } } } } as const,
    ];
    await handler({ Records }, context());

    const [line = '{}'] = printed.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('_aws'));
    const counted: Record<string, unknown> = JSON.parse(line);
    const dimensions = (alarm?.Dimensions as { Name: string; Value: string }[]) ?? [];
    expect(counted).toMatchObject({
      _aws: {
        CloudWatchMetrics: [
          {
            Namespace: alarm?.Namespace,
            Dimensions: [dimensions.map(({ Name }) => Name)],
            Metrics: [{ Name: alarm?.MetricName, Unit: 'Count' }],
          },
        ],
      },
      ...Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, Value])),
      [String(alarm?.MetricName)]: 1,
    });
    expect(line).not.toContain('acme');
  });

  it('rings at the first one, and does not wait', () => {
    expect(alarm).toMatchObject({
      Statistic: 'Sum',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Period: 60,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  });

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
