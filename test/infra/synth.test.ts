import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../infra/handlers.ts';
import { appOf } from '../support/templates.ts';

const variants: [string, 'prod' | 'dev', Record<string, unknown>][] = [
  ['prod', 'prod', {}],
  ['dev', 'dev', {}],
  ['an issuer of its own', 'prod', { issuer: 'https://login.example.com', audience: 'switchboard' }],
  [
    'a domain of its own',
    'prod',
    { publicDomain: { domainName: 'a.example.com', certificateArn: 'arn:aws:acm:x:1:certificate/c' } },
  ],
  ['an address for the alerts', 'prod', { operatorEmail: 'ops@example.com' }],
  ['an existing trail', 'prod', { trail: { mode: 'existing', name: 'central', bucket: 'central-trail' } }],
];

const acknowledgements = (root: IConstruct) =>
  root.node
    .findAll()
    .flatMap((construct) =>
      construct.node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) =>
          Object.entries(data as Record<string, string>).map(([id, reason]) => ({ construct, id, reason })),
        ),
    );

const violationsOf = (root: IConstruct) =>
  [new AwsSolutionsChecks(), new ServerlessChecks()].flatMap((pack) => pack.validateScope(root).violations);

describe('cdk-nag', () => {
  it.each(variants)('has no finding of AwsSolutions and Serverless left with %s', (_, stage, settings) => {
    expect(violationsOf(appOf(stage, settings).app)).toEqual([]);
  });

  it('finds a wildcard that nobody acknowledged', () => {
    const { app, stack } = appOf('prod');
    const role = new Role(stack, 'Planted', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    new Policy(stack, 'Wild', {
      roles: [role],
      statements: [new PolicyStatement({ actions: ['kms:Decrypt'], resources: ['*'] })],
    });
    expect(violationsOf(app).map(({ ruleName }) => ruleName)).toContain('AwsSolutions-IAM5[Resource::*]');
  });

  it('finds a wildcard in the permissions of a function: what is acknowledged there covers X-Ray alone', () => {
    const { app, stack } = appOf('prod');
    const role = stack.node.findAll().find((construct): construct is Role => construct instanceof Role);
    role?.addToPolicy(new PolicyStatement({ actions: ['dynamodb:GetItem'], resources: ['*'] }));
    expect(violationsOf(app).map(({ ruleName }) => ruleName)).toContain('AwsSolutions-IAM5[Resource::*]');
  });

  it('has a reason for everything that is acknowledged, at the construct that it concerns', () => {
    const { app, stack } = appOf('prod');
    const acknowledged = acknowledgements(app);
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const { construct, id, reason } of acknowledged) {
      expect(reason.length, id).toBeGreaterThan(30);
      expect(construct, id).not.toBe(app);
      expect(construct, id).not.toBe(stack);
      expect(construct.node.findAll().length, `${id} at ${construct.node.path} is a blanket`).toBeLessThan(12);
    }
  });

  it('would find each thing that is acknowledged: no acknowledgement is left over', () => {
    const { app } = appOf('prod');
    const acknowledged = new Set(acknowledgements(app).map(({ id }) => id.replace(/^annotation::/i, '')));
    const original = Validations.ACKNOWLEDGED_RULES_METADATA_KEY;
    try {
      Object.defineProperty(Validations, 'ACKNOWLEDGED_RULES_METADATA_KEY', {
        value: 'none',
        configurable: true,
        writable: true,
      });
      expect(new Set(violationsOf(app).map(({ ruleName }) => ruleName))).toEqual(acknowledged);
    } finally {
      Object.defineProperty(Validations, 'ACKNOWLEDGED_RULES_METADATA_KEY', {
        value: original,
        configurable: true,
        writable: true,
      });
    }
  });
});

describe('cdk synth', () => {
  const output = mkdtempSync(join(tmpdir(), 'synth-'));
  afterAll(() => rmSync(output, { recursive: true }));
  const environment = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: output };
  const synth = (...args: string[]) =>
    spawnSync(
      join(projectRoot, 'node_modules/.bin/cdk'),
      ['synth', '--quiet', '--output', join(output, 'cdk.out'), ...args],
      {
        cwd: projectRoot,
        env: environment,
        encoding: 'utf8',
      },
    );

  it('works with no argument, no AWS account and no environment variable', { timeout: 60_000 }, () => {
    const { status, stderr } = synth();
    expect(status, stderr).toBe(0);
    expect(readdirSync(join(output, 'cdk.out'))).toContain('Switchboard.template.json');
  });

  it('refuses an unknown setting with one sentence and no stack trace', { timeout: 60_000 }, () => {
    const { status, stderr } = synth('-c', 'settings={"colour":"red"}');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/^There is no setting `colour`: there are issuer, /m);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
