import { describe, expect, it } from 'vitest';
import { accessOf } from '../../infra/access-matrix.ts';
import { SettingsRefused, settingsOf } from '../../infra/stage.ts';
import { resourcesOf, templateOf } from '../support/templates.ts';

const functionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:agents:live';
const queueArn = 'arn:aws:sqs:eu-central-1:123456789012:agents.fifo';
const variants = [
  ['a function', { type: 'lambda', functionArn }, 'lambda:InvokeFunction', functionArn, functionArn],
  [
    'a queue',
    { type: 'sqs', queueArn },
    'sqs:SendMessage',
    queueArn,
    { 'Fn::Join': ['', ['https://sqs.eu-central-1.', { Ref: 'AWS::URLSuffix' }, '/123456789012/agents.fifo']] },
  ],
] as const;

/** Who is told which runtime there is, by the variables of the functions. */
const toldIn = (template: ReturnType<typeof templateOf>) =>
  Object.fromEntries(
    Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).flatMap(([id, { Properties }]) => {
      const { AGENT_RUNTIME: told } =
        (Properties.Environment as { Variables?: Record<string, unknown> }).Variables ?? {};
      return told === undefined ? [] : [[/(\w+)Function[0-9A-F]{8}$/.exec(id)?.[1] ?? id, told]];
    }),
  );

describe('the runtime of the platform', () => {
  it.each(variants)('as %s may be reached by who dispatches, and by nobody else', (_, agentRuntime, action, arn) => {
    const reached = accessOf(templateOf('prod', { agentRuntime })).filter(({ resource }) => resource === arn);
    expect(reached.map((it) => `${it.function} ${it.action}`).sort()).toEqual([
      `RouteEvent ${action}`,
      `TestAgent ${action}`,
    ]);
  });

  it.each(variants)(
    'as %s is told to who dispatches and to who saves agents',
    (_, agentRuntime, _action, _arn, told) => {
      const names = toldIn(templateOf('prod', { agentRuntime }));
      expect(
        Object.keys(names)
          .map((id) => /RouteEvent|TestAgent|ManageAgents/.exec(id)?.[0])
          .sort(),
      ).toEqual(['ManageAgents', 'RouteEvent', 'TestAgent']);
      for (const value of Object.values(names)) expect(value).toEqual(told);
    },
  );

  it('is none by default: nobody is told of one, and no function may be invoked', () => {
    expect(toldIn(templateOf('prod'))).toEqual({});
    expect(accessOf(templateOf('prod')).filter(({ action }) => action.startsWith('lambda:'))).toEqual([]);
  });

  it.each([
    ['every function', { type: 'lambda', functionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:*' }],
    ['functions of every account', { type: 'lambda', functionArn: 'arn:aws:lambda:eu-central-1:*:function:agents' }],
    ['a name without an account', { type: 'lambda', functionArn: 'agents' }],
    ['a queue where a function should be', { type: 'lambda', functionArn: queueArn }],
    ['every queue', { type: 'sqs', queueArn: 'arn:aws:sqs:eu-central-1:123456789012:*' }],
    ['the URL of a queue', { type: 'sqs', queueArn: 'https://sqs.eu-central-1.amazonaws.com/123456789012/agents' }],
    ['a kind that is not known', { type: 'http', url: 'https://agents.example.com' }],
    ['a field that is not known', { type: 'sqs', queueArn, queueUrl: 'https://example.com' }],
  ])('is refused as %s', (_, agentRuntime) => {
    expect(() => settingsOf('prod', { agentRuntime })).toThrow(SettingsRefused);
  });
});
