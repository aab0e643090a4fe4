import { once } from 'node:events';
import { createServer } from 'node:net';
import { Refusal } from './refusal.ts';

/** The five ports in a row of one running copy. */
export interface Ports {
  readonly frontDoor: number;
  readonly emulator: number;
  readonly simulator: number;
  readonly agent: number;
  readonly issuer: number;
}

export function portsFrom(first: number): Ports {
  return { frontDoor: first, emulator: first + 1, simulator: first + 2, agent: first + 3, issuer: first + 4 };
}

const OWNERS: Readonly<Record<keyof Ports, string>> = {
  frontDoor: 'the front door',
  emulator: 'the AWS emulator',
  simulator: 'the WhatsApp simulator',
  agent: 'the demo agent',
  issuer: 'the token issuer',
};

/** @throws Refusal naming the first port that something else listens on, and the cure. */
export async function refuseTakenPorts(ports: Ports): Promise<void> {
  for (const owner of Object.keys(OWNERS) as (keyof Ports)[]) {
    if (await isFree(ports[owner])) continue;
    throw new Refusal(
      `Port ${ports[owner]}, wanted for ${OWNERS[owner]}, is taken: end what listens there, or choose other ports, ` +
        `for example \`npm start -- --port ${ports.frontDoor + 100}\`.`,
    );
  }
}

/** Whether nobody listens on a port of this machine. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
