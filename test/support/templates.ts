import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { switchboard } from '../../infra/app.ts';
import type { StageName } from '../../infra/stage.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: string | string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

const { context }: { context: Record<string, unknown> } = JSON.parse(
  readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
);

const assemblies = mkdtempSync(join(tmpdir(), 'assemblies-'));
afterAll(() => rmSync(assemblies, { recursive: true, force: true }));

/** An empty app whose assembly goes when the test file is done. */
export const emptyApp = (appContext: Record<string, unknown> = {}) =>
  new App({ context: appContext, outdir: mkdtempSync(join(assemblies, 'cdk.out-')) });

/** The context that `cdk synth` would give the app, without bundling the functions. */
export const contextOf = (stage: StageName, settings: Record<string, unknown>) => ({
  ...context,
  stage,
  settings: JSON.stringify(settings),
  'aws:cdk:bundling-stacks': [],
});

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
} as const;

/** Every resource of a type, by logical id. */
export function resourcesOf(template: Template, type?: string): Record<string, Resource> {
  const all: Record<string, Resource> = template.toJSON().Resources;
  return Object.fromEntries(Object.entries(all).filter(([, resource]) => type === undefined || resource.Type === type));
}

interface Reference {
  readonly Ref?: string;
  readonly 'Fn::GetAtt'?: readonly [string, string];
  readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
}

/** The logical id that a Ref or GetAtt names, without the hash at its end; a literal as it is, and what is joined of these. */
export function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': joined } = reference as Reference;
  if (joined !== undefined) return joined[1].map(nameOf).join(joined[0]);
  const logicalId = Ref ?? attribute?.[0];
  return logicalId === undefined ? JSON.stringify(reference) : logicalId.replace(/[0-9A-F]{8}$/, '');
}
