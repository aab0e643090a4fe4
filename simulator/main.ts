#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { type SeedInput, seedSchema } from './seed.ts';
import { startSimulator } from './server.ts';

const USAGE = `whatsapp-cloud-api-simulator [--port 8790] [--host 127.0.0.1] [--seed FILE] [--state-file FILE]`;
const DEFAULT_PORT = '8790';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: DEFAULT_PORT },
      host: { type: 'string', default: '127.0.0.1' },
      seed: { type: 'string' },
      'state-file': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port: ${values.port} is not a port.`);
  const simulator = await startSimulator({
    port,
    host: values.host,
    seed: values.seed === undefined ? undefined : readSeed(values.seed),
    stateFile: values['state-file'],
  });
  const stop = () => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    void simulator.close().then(() => process.exit(0));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);

  console.log(`Graph API       ${simulator.url}/v25.0`);
  console.log(`Customer phone  ${simulator.url}/`);
  console.log(`Control API     ${simulator.url}/_control/`);
}

function readSeed(path: string): SeedInput {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`The seed file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const seed = seedSchema.safeParse(parsed);
  if (!seed.success) throw new Error(`The seed file ${path} is not valid:\n${z.prettifyError(seed.error)}`);
  return seed.data;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
