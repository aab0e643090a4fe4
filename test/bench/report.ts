import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from './aws-calls.ts';
import type { Called, Times } from './counted-worker.ts';
import type { DeployedResult, Measured } from './deployed.ts';
import type { InProcess, InProcessResult } from './in-process.ts';
import { type AwsCall, assumed } from './list-prices.ts';
import { median, rounded, sum } from './statistics.ts';

/** What we want to keep: latency at most, throughput and speed at least so much of the floor's; calls of warm workers at most. */
const goals = { heardP50: 1.5, messagesPerSecond: 0.8, inProcess: 0.9, sqsPerPost: 1, dynamoDbPerMessage: 3 } as const;

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

/** Calls for each message, by who makes them; below them what the goals are about, and dollars. The goals are for warm workers and busy tenants. */
export function callsTable(scenarios: readonly Scenario[]): string {
  const rows = (['receiver', 'router'] as const).flatMap((side) => {
    const names = new Set(scenarios.flatMap((scenario) => scenario[side].map(nameOf)));
    return [...names].sort().map((name) => [
      `${side}: ${name}`,
      ...scenarios.map((scenario) =>
        perMessage(
          scenario,
          scenario[side].filter((call) => nameOf(call) === name),
        ),
      ),
      '',
    ]);
  });
  const ofService = (title: string, side: 'receiver' | 'router', service: AwsCall['service'], goal: string) => [
    title,
    ...scenarios.map((scenario) =>
      perMessage(
        scenario,
        scenario[side].filter((call) => call.service === service),
      ),
    ),
    goal,
  ];
  const table = aligned([
    ['AWS calls per message', ...scenarios.map(({ title }) => title), 'goal'],
    ...rows,
    ofService('receiver: SQS calls per POST', 'receiver', 'SQS', `≤ ${goals.sqsPerPost}`),
    ofService('router: DynamoDB calls', 'router', 'DynamoDB', `≤ ${goals.dynamoDbPerMessage}`),
    ['Lambda: invocations', ...scenarios.map(({ messages, batches }) => rounded((messages + batches) / messages)), ''],
    [
      'Lambda: SQS requests of its own',
      ...scenarios.map(({ messages, batches }) => rounded((batches * assumed.pollerRequests) / messages)),
      '',
    ],
    ['all: KMS calls', ...scenarios.map((scenario) => perMessage(scenario, kmsOf(scenario))), ''],
    ['$ per million messages', ...scenarios.map((scenario) => rounded(scenario.dollarsPerMillion)), ''],
  ]);
  return [table, ...callsNotes].join('\n');
}

const steps = [
  ['DynamoDB', 'calls to DynamoDB'],
  ['SQS', 'calls to SQS'],
  ['agent', 'the agent'],
] as const satisfies readonly (readonly [Called, string])[];

/** Where the time of one message goes in warm workers that do nothing else meanwhile. In milliseconds, medians of the invocations. */
export function stepsTable({ times: { receiver, router } }: Scenario): string {
  const row = (title: string, of: (times: Times) => number) => [
    title,
    ...[receiver, router].map((sample) => rounded(median(sample.map(of)), 1)),
  ];
  const inCalls = ({ calls }: Times) => sum(Object.values(calls));
  return aligned([
    ['one message, one at a time (ms)', 'receiver', 'router'],
    ...steps.map(([called, title]) => row(title, ({ calls }) => calls[called] ?? 0)),
    row('the rest: SDK and handler', (times) => times.whole - inCalls(times)),
    row('whole invocation', ({ whole }) => whole),
  ]);
}

const callsNotes = [
  'Quiet: the first message of its tenant at this worker, the most that one can cost. Counted for 50 tenants; opened secrets are kept for five',
  'minutes and 200 at a time, so it makes no difference how many more there are. Webhooks and salts are kept longer: later ones cost less.',
  'Dollars: list prices of us-east-1 for these calls, HTTP API and Lambda included, with assumed durations (list-prices.ts). Not for logs, for',
  'what the keys of queues and tables cost, nor for what a reply adds.',
];

const nameOf = ({ service, operation }: AwsCall): string => `${service} ${operation}`;
const kmsOf = ({ receiver, router }: Scenario) => [...receiver, ...router].filter(({ service }) => service === 'KMS');
const perMessage = ({ messages }: Scenario, calls: readonly AwsCall[]): number => rounded(calls.length / messages);

/** Adds one line to the history. Ratios may be compared over time, absolute numbers only within one line. */
export function record(
  deployed: DeployedResult,
  inProcess: readonly InProcessResult[],
  calls: readonly Scenario[],
): void {
  const { switchboard, bare, ratios, spread } = deployed;
  const line = {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpus: availableParallelism(),
    ratios: { ...ratios, inProcess: Object.fromEntries(inProcess.map(({ messages, ratio }) => [messages, ratio])) },
    spread,
    absolute: { switchboard, bare, inProcess },
    dollarsPerMillion: Object.fromEntries(calls.map((it) => [it.title, rounded(it.dollarsPerMillion)])),
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
