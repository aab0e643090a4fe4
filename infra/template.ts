import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { switchboard } from './app.ts';
import type { StageName } from './stage.ts';

// Reads what the app synthesizes: for the generated documentation and for the tests of the template.

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: string | string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

const { context }: { context: Record<string, unknown> } = JSON.parse(
  readFileSync(new URL('../cdk.json', import.meta.url), 'utf8'),
);

/** The context that `cdk synth` would give the app, without bundling the functions. */
export const contextOf = (stage: StageName, settings: Record<string, unknown>) => ({
  ...context,
  stage,
  settings: JSON.stringify(settings),
  'aws:cdk:bundling-stacks': [],
});

/** The template of a stage as `cdk synth` makes it. */
export function synthesizedTemplate(stage: StageName, settings: Record<string, unknown> = {}): Template {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk.out-'));
  try {
    return Template.fromStack(switchboard(new App({ context: contextOf(stage, settings), outdir })));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

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
