// `npm run bench -- [--only SECTION] [--no-record] [--port NUMBER]`: how much slower Switchboard is than the least that could do its job,
// and what it asks AWS for.
import { parseArgs } from 'node:util';
import { stopSignal } from '../../infra/local/stop-signal.ts';
import { busyOneByOne, measureCalls } from './aws-calls.ts';
import { measureDeployed } from './deployed.ts';
import { measureInProcess } from './in-process.ts';
import { callsTable, correctnessTable, deployedTable, inProcessTable, record, stepsTable } from './report.ts';
import { obtainCopy } from './running-copy.ts';

/** First of five ports in a row, away from those of a copy that a developer runs. */
const defaultPort = '9500';

const sections = ['in-process', 'deployed', 'calls'] as const;
type Section = (typeof sections)[number];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    'no-record': { type: 'boolean', default: false },
    port: { type: 'string', default: defaultPort },
  },
});
if (values.only !== undefined && !(sections as readonly string[]).includes(values.only))
  throw new Error(`--only takes one of ${sections.join(', ')}.`);
const isWanted = (section: Section): boolean => values.only === undefined || values.only === section;

const say = (text: string) => process.stderr.write(`  … ${text}\n`);

// A second request hurries nothing: ending takes a few seconds, and what was started must not be left behind.
const stopped = stopSignal(() => {});
const running = new AsyncDisposableStack();
try {
  await Promise.race([measureAll(), stopped]);
} finally {
  await running.disposeAsync();
}
process.exit();

async function measureAll(): Promise<void> {
  if (isWanted('in-process')) say('Verify, parse and split in one process');
  const inProcess = isWanted('in-process') ? await measureInProcess() : undefined;
  if (inProcess !== undefined)
    console.log(`\n${inProcessTable(inProcess.speed)}\n\n${correctnessTable(inProcess.correctness)}`);
  if (!isWanted('deployed') && !isWanted('calls')) return;

  say('Starting the system');
  const copy = await obtainCopy(Number(values.port), running);
  const deployed = isWanted('deployed') ? await measureDeployed(copy, running, say) : undefined;
  if (deployed !== undefined) console.log(`\n${deployedTable(deployed)}`);
  const calls = isWanted('calls') ? await measureCalls(copy, running, say) : undefined;
  if (calls !== undefined) console.log(`\n${callsTable(calls)}`);
  const busy = calls?.find(({ title }) => title === busyOneByOne);
  if (busy !== undefined) console.log(`\n${stepsTable(busy)}`);
  // A line of the history is of one run that has measured everything.
  if (deployed === undefined || inProcess === undefined || calls === undefined || values['no-record']) return;
  record(deployed, inProcess.speed, calls);
}
