// `npm run bench -- [--no-record] [--port NUMBER]`: how much slower Switchboard is than the least that could do its job.
import { parseArgs } from 'node:util';
import { stopSignal } from '../../infra/local/stop-signal.ts';
import { measureDeployed } from './deployed.ts';
import { measureInProcess } from './in-process.ts';
import { deployedTable, inProcessTable, record } from './report.ts';

/** First of five ports in a row, away from those of a copy that a developer runs. */
const defaultPort = '9500';

const { values } = parseArgs({
  options: {
    'no-record': { type: 'boolean', default: false },
    port: { type: 'string', default: defaultPort },
  },
});

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
  const inProcess = measureInProcess();
  const deployed = await measureDeployed(Number(values.port), running, say);
  console.log(`\n${deployedTable(deployed)}\n\n${inProcessTable(inProcess)}`);
  if (!values['no-record']) record(deployed, inProcess);
}
