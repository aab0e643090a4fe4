import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { portsFrom, refuseTakenPorts } from '../../../infra/local/ports.ts';
import { freePorts } from './temporary-state.ts';

it('lets a start go on when all five ports are free', async () => {
  await refuseTakenPorts(portsFrom(await freePorts(5)));
});

it.each([
  [0, 'the front door'],
  [1, 'the AWS emulator'],
  [4, 'the token issuer'],
])('names the taken port %i of the five, whose it is, and the cure', async (offset, owner) => {
  const first = await freePorts(5);
  const squatter = createServer().listen(first + offset, '127.0.0.1');
  onTestFinished(() => void squatter.close());
  await once(squatter, 'listening');
  await expect(refuseTakenPorts(portsFrom(first))).rejects.toThrow(
    `Port ${first + offset}, wanted for ${owner}, is taken: end what listens there, or choose other ports, for example \`npm start -- --port ${first + 100}\`.`,
  );
});
