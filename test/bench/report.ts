import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DeployedResult, Measured } from './deployed.ts';
import type { InProcess, InProcessResult } from './in-process.ts';

/** What we want to keep: latency at most, throughput and speed at least so much of the floor's. */
const goals = { heardP50: 1.5, messagesPerSecond: 0.8, inProcess: 0.9 } as const;

const historyFile = join(import.meta.dirname, 'history.jsonl');

const rows = [
  { name: 'heardP50', title: 'webhook → agent, p50 (ms)', goal: `≤ ${goals.heardP50}` },
  { name: 'heardP95', title: 'webhook → agent, p95 (ms)', goal: '' },
  { name: 'acceptedP50', title: 'webhook → 200, p50 (ms)', goal: '' },
  { name: 'messagesPerSecond', title: 'messages/s, 20 clients', goal: `≥ ${goals.messagesPerSecond}` },
] as const satisfies readonly { name: keyof Measured; title: string; goal: string }[];

export function deployedTable({ switchboard, bare, ratios, spread, repeats }: DeployedResult): string {
  const lines = rows.map(({ name, title, goal }) => {
    const range = name in spread ? spread[name as keyof typeof spread].join(' to ') : '';
    return [title, switchboard[name], bare[name], ratios[name], goal, range];
  });
  const table = aligned([['deployed stack', 'switchboard', 'bare', 'ratio', 'goal', 'ratio by round'], ...lines]);
  return repeats === 0 ? table : `${table}\n${repeats} messages were heard more than once.`;
}

/** Ratios to the floor; a star where not every message was handed over, a circle where the JSON is left as it is. */
export function inProcessTable(results: readonly InProcessResult[]): string {
  const names = results[0]?.packages.map(({ name }) => name) ?? [];
  const lines = results.map(({ messages, bytes, ratio, packages }) => [
    `${messages} messages, ${Math.round(bytes / 1024)} KB`,
    ratio,
    messages === 1 ? `≥ ${goals.inProcess}` : '',
    ...packages.map((it) => `${it.ratio}${it.heard === null ? '°' : it.heard === messages ? ' ' : '*'}`),
  ]);
  const table = aligned([['in one process, floor = 1', 'switchboard', 'goal', ...names], ...lines]);
  return `${table}\n* hands over a part of the messages   ° verifies and parses, but does not split`;
}

export function correctnessTable({ names, rows: trials }: InProcess['correctness']): string {
  return aligned([['in one process', ...names], ...trials.map(({ title, cells }) => [title, ...cells])]);
}

/** Adds one line to the history. Ratios may be compared over time, absolute numbers only within one line. */
export function record(deployed: DeployedResult, inProcess: readonly InProcessResult[]): void {
  const { switchboard, bare, ratios, spread } = deployed;
  const line = {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpus: availableParallelism(),
    ratios: { ...ratios, inProcess: Object.fromEntries(inProcess.map(({ messages, ratio }) => [messages, ratio])) },
    spread,
    absolute: { switchboard, bare, inProcess },
  };
  appendFileSync(historyFile, `${JSON.stringify(line)}\n`);
}

/** With a `+` when the files are not those of the commit; `unknown` outside a checkout. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}

function aligned(table: readonly (readonly (string | number)[])[]): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => String(row[column] ?? '').length)));
  return table
    .map((row) =>
      widths
        .map((width, column) => {
          const cell = String(row[column] ?? '');
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
