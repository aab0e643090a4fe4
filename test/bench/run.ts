// `npm run bench -- [--only in-process] [--no-record] [--port NUMBER]`: how much slower Switchboard is than the least that could do its job.
import { parseArgs } from 'node:util';
import { stopSignal } from '../../infra/local/stop-signal.ts';
import { measureDeployed } from './deployed.ts';
import { measureInProcess } from './in-process.ts';
import { correctnessTable, deployedTable, inProcessTable, record } from './report.ts';

/** First of five ports in a row, away from those of a copy that a developer runs. */
const defaultPort = '9500';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    'no-record': { type: 'boolean', default: false },
    port: { type: 'string', default: defaultPort },
  },
});

if (values.only !== undefined && values.only !== 'in-process') throw new Error('--only knows `in-process` alone.');

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
  say('Verify, parse and split in one process');
  const { speed, correctness } = await measureInProcess();
  const tables = `${inProcessTable(speed)}\n\n${correctnessTable(correctness)}`;
  if (values.only === 'in-process') {
    console.log(`\n${tables}`);
    return;
  }
  const deployed = await measureDeployed(Number(values.port), running, say);
  console.log(`\n${deployedTable(deployed)}\n\n${tables}`);
  if (!values['no-record']) record(deployed, speed);
}
