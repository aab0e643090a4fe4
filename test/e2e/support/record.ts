import { createHmac } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { Canary } from '../../support/needles.ts';

/** An answer of the API, as it came. */
export interface RecordedAnswer {
  readonly request: string;
  readonly status: number;
  readonly text: string;
}

// Each test file runs in a process of its own: what the last one judges is kept in files.
const canaryFile = join(inject('recordDirectory'), 'canaries.ndjson');
const answerFile = join(inject('recordDirectory'), 'answers.ndjson');

export function recordCanary(name: string, value: string): string {
  append(canaryFile, { name, value } satisfies Canary);
  return value;
}

/** Token, App Secret, and what is derived from them: the proof that travels with each call. */
export function recordCredentialCanaries(owner: string, appSecret: string, accessToken: string): void {
  recordCanary(`App Secret of ${owner}`, appSecret);
  recordCanary(`access token of ${owner}`, accessToken);
  recordCanary(`appsecret_proof of ${owner}`, createHmac('sha256', appSecret).update(accessToken).digest('hex'));
}

export function recordAnswer(answer: RecordedAnswer): void {
  append(answerFile, answer);
}

export const recordedCanaries = (): readonly Canary[] => read<Canary>(canaryFile);
export const recordedAnswers = (): readonly RecordedAnswer[] => read<RecordedAnswer>(answerFile);

function append(file: string, entry: object): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

function read<T>(file: string): readonly T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
