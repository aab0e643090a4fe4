import { Aspects, Stack, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { type Statement, statementsOf } from '../../infra/access-matrix.ts';
import { EmulatorAspect, emulatorGaps } from '../../infra/local/emulator-aspect.ts';
import { settingsOf } from '../../infra/stage.ts';
import { SwitchboardStack } from '../../infra/switchboard-stack.ts';
import { appOf, contextOf, emptyApp, localSettings, resourcesOf, templateOf } from '../support/templates.ts';

/** The local stage as the constructs make it, before the Aspect. */
function withoutAspect(): Template {
  const app = emptyApp(contextOf('local', localSettings));
  const settings = settingsOf('local', localSettings);
  const stack = new SwitchboardStack(app, 'Switchboard', {
    stackName: 'Switchboard',
    settings,
    env: { account: '000000000000' },
  });
  return Template.fromStack(stack);
}

const real = withoutAspect();
const local = templateOf('local', localSettings);

const documentOf = ({ Properties }: { Properties: Record<string, unknown> }) =>
  (Properties.PolicyDocument ?? Properties.KeyPolicy) as unknown;
const withPolicy = [
  'AWS::IAM::Policy',
  'AWS::KMS::Key',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
];
const withBatches = (statement: Statement) => {
  const actions = [statement.Action].flat();
  const batches = actions.filter((action) => /^sqs:(SendMessage|ChangeMessageVisibility)$/.test(action));
  return batches.length === 0
    ? statement
    : { ...statement, Action: [...actions, ...batches.map((it) => `${it}Batch`)] };
};
const keysOf = ({ Condition = {} }: Statement) => Object.values(Condition).flatMap((it) => Object.keys(it));

describe('the local template', () => {
  it('differs from the real one in policies alone', () => {
    const rest = (template: Template) =>
      Object.entries(resourcesOf(template)).filter(
        ([, { Type }]) => !withPolicy.includes(Type) && Type !== 'AWS::CDK::Metadata',
      );
    // Tags are the app's, which the bare stack does not have.
    const untagged = (entries: ReturnType<typeof rest>) =>
      entries.map(([id, { Properties: { Tags, ...properties } = {}, ...resource }]) => [
        id,
        { ...resource, properties },
      ]);
    expect(untagged(rest(local))).toEqual(untagged(rest(real)));
  });

  it('lacks no resource but the policies of queues and bucket, which hold nothing else than the denial of plain http', () => {
    const missing = Object.entries(resourcesOf(real)).filter(([id]) => !(id in resourcesOf(local)));
    expect(missing).toHaveLength(22);
    for (const [, resource] of missing) {
      expect(['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy']).toContain(resource.Type);
      expect(statementsOf(documentOf(resource)).map(keysOf)).toEqual([['aws:SecureTransport']]);
    }
  });

  it('has every statement, action and condition of the real one that is not on the list', () => {
    let compared = 0;
    for (const [id, resource] of Object.entries(resourcesOf(local))) {
      if (!withPolicy.includes(resource.Type)) continue;
      const before = resourcesOf(real)[id];
      const expected = statementsOf(documentOf(before ?? resource)).flatMap((statement) => {
        const onTheList = keysOf(statement).some((key) => /^(kms:EncryptionContext:|aws:SecureTransport)/.test(key));
        if (onTheList && statement.Effect === 'Deny') return [];
        const { Condition, ...unconditional } = statement;
        return [withBatches(onTheList ? unconditional : statement)];
      });
      expect(statementsOf(documentOf(resource)), id).toEqual(expected);
      compared += expected.length;
    }
    expect(compared).toBeGreaterThan(30);
  });

  it('mentions nothing that the emulator cannot evaluate', () => {
    expect(JSON.stringify(real.toJSON())).toMatch(/kms:EncryptionContext:purpose/);
    expect(JSON.stringify(local.toJSON())).not.toMatch(/kms:EncryptionContext|aws:SecureTransport|AWS::CloudTrail/);
  });

  it('is bound to the account of the emulator, so that it cannot be deployed onto AWS; the other stages are bound to none', () => {
    expect(appOf('local', localSettings).stack.account).toBe('000000000000');
    for (const stage of ['prod', 'dev'] as const) expect(Token.isUnresolved(appOf(stage).stack.account)).toBe(true);
  });

  it('is the only one with actions for batches, which AWS does not know', () => {
    expect(JSON.stringify(local.toJSON())).toMatch(/"sqs:SendMessageBatch"/);
    for (const stage of ['prod', 'dev'] as const)
      expect(JSON.stringify(templateOf(stage).toJSON())).not.toMatch(/"sqs:\w+Batch"/);
  });

  it('is the only one without: prod and dev keep every condition', () => {
    for (const stage of ['prod', 'dev'] as const) {
      const text = JSON.stringify(templateOf(stage).toJSON());
      expect(text).toMatch(/kms:EncryptionContext:purpose/);
      expect(text).toMatch(/NothingWithoutTheNameOfThisVault/);
      expect(text).toMatch(/aws:SecureTransport/);
    }
  });
});

describe('the Aspect', () => {
  it('names for each thing that it takes out why the emulator cannot do with it', () => {
    expect(emulatorGaps.length).toBeGreaterThan(0);
    for (const { what, why } of emulatorGaps) {
      expect(what.length).toBeGreaterThan(20);
      expect(why).toMatch(/emulator/);
    }
  });

  it('leaves the other conditions of a statement, a denial for another reason, and a permission that wants TLS', () => {
    const stack = new Stack(emptyApp(), 'Probe');
    const statement = (effect: Effect, conditions: Record<string, Record<string, string>>) =>
      new PolicyStatement({
        effect,
        principals: [new AnyPrincipal()],
        actions: ['kms:Decrypt'],
        resources: ['*'],
        conditions,
      });
    new CfnKey(stack, 'Key', {
      keyPolicy: new PolicyDocument({
        statements: [
          statement(Effect.ALLOW, { StringEquals: { 'kms:EncryptionContext:vault': 'a', 'kms:ViaService': 'sqs' } }),
          statement(Effect.DENY, { StringNotEquals: { 'aws:PrincipalAccount': '1' } }),
          statement(Effect.DENY, { Bool: { 'aws:SecureTransport': 'false' } }),
          statement(Effect.ALLOW, { Bool: { 'aws:SecureTransport': 'true' } }),
        ],
      }),
    });
    Aspects.of(stack).add(new EmulatorAspect());
    const [key] = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::KMS::Key'));
    expect(
      statementsOf(documentOf(key ?? { Properties: {} })).map(({ Effect: effect, Condition }) => [effect, Condition]),
    ).toEqual([
      ['Allow', { StringEquals: { 'kms:ViaService': 'sqs' } }],
      ['Deny', { StringNotEquals: { 'aws:PrincipalAccount': '1' } }],
      ['Allow', { Bool: { 'aws:SecureTransport': 'true' } }],
    ]);
  });
});
