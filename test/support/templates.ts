import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { switchboard } from '../../infra/app.ts';
import type { StageName } from '../../infra/stage.ts';
import { contextOf, nameOf, type Resource, resourcesOf } from '../../infra/template.ts';

export { contextOf, nameOf, type Resource, resourcesOf };

const assemblies = mkdtempSync(join(tmpdir(), 'assemblies-'));
afterAll(() => rmSync(assemblies, { recursive: true, force: true }));

/** An empty app whose assembly goes when the test file is done. */
export const emptyApp = (appContext: Record<string, unknown> = {}) =>
  new App({ context: appContext, outdir: mkdtempSync(join(assemblies, 'cdk.out-')) });

/** The app as `cdk synth` builds it. */
export function appOf(stage: StageName, settings: Record<string, unknown> = {}) {
  const app = emptyApp(contextOf(stage, settings));
  return { app, stack: switchboard(app) };
}

const templates = new Map<string, Template>();

/** The template of a stage with these settings over its own. Synthesized once per test file. */
export function templateOf(stage: StageName, settings: Record<string, unknown> = {}): Template {
  const key = JSON.stringify([stage, settings]);
  const known = templates.get(key) ?? Template.fromStack(appOf(stage, settings).stack);
  templates.set(key, known);
  return known;
}

/** What the local run deploys with. */
export const localSettings = {
  publicUrl: 'http://localhost:8787',
  apiUrl: 'http://localhost:8787',
  graphApiUrl: 'http://localhost:8789',
  issuer: 'http://localhost:8791',
  audience: 'switchboard',
  agentRuntime: { type: 'sqs', queueArn: 'arn:aws:sqs:us-east-1:000000000000:agent-runtime.fifo' },
} as const;
