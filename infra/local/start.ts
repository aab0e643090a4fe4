// `npm start`: the real stack on a local AWS emulator, with Meta's part and an agent's played by programs of our own.

import { AUDIENCE, signAccessToken } from './access-token.ts';
import { obtainAgentRuntime } from './agent-runtime.ts';
import { Children } from './children.ts';
import { installCommitHooks } from './commit-hooks.ts';
import { startDemoAgent } from './demo-agent.ts';
import { deploy } from './deployment.ts';
import { obtainAws } from './emulator.ts';
import { openFrontDoor } from './front-door.ts';
import { issuerUrl, startIssuer } from './issuer.ts';
import { obtainIssuerKey } from './issuer-key.ts';
import { parseStartOptions, START_USAGE, type StartOptions } from './options.ts';
import { type Ports, portsFrom, refuseTakenPorts } from './ports.ts';
import { say, step } from './progress.ts';
import { explain } from './refusal.ts';
import { startSimulator } from './simulator.ts';
import { publishStack, withdrawStack } from './stack-file.ts';
import { StateDirectory } from './state-directory.ts';
import { stopSignal } from './stop-signal.ts';
import { WALK_THROUGH_TENANT, walkThrough } from './walk-through.ts';

try {
  const options = parseStartOptions(process.argv.slice(2));
  if (options.help) say(START_USAGE);
  else await runUntilStopped(options);
  process.exit();
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}

/**
 * Runs until somebody stops it, or something can't start, or ends though nobody asked it to: that is exit code 1.
 * @throws Refusal when it can't even begin.
 */
async function runUntilStopped(options: StartOptions): Promise<void> {
  const state = new StateDirectory(options['state-dir']).make();
  using _lock = state.lock();
  withdrawStack(state);
  const ports = portsFrom(state.firstPort(options));
  await refuseTakenPorts(ports);
  if (options.reset) state.reset();
  installCommitHooks();

  const children = new Children(state);
  const stopped = stopSignal(() => children.kill());
  const running = new AsyncDisposableStack();
  running.use(children);
  try {
    const neverEnds = bringUp(options, ports, state, children, running).then(() => new Promise<never>(() => {}));
    await Promise.race([neverEnds, stopped, children.lost]);
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  } finally {
    withdrawStack(state);
    say('Stopping, and saving the state …');
    await running.disposeAsync();
    say('Stopped.');
  }
}

/** Starts everything in the order in which one needs the other; `running` ends it in the opposite order. */
async function bringUp(
  options: StartOptions,
  ports: Ports,
  state: StateDirectory,
  children: Children,
  running: AsyncDisposableStack,
): Promise<void> {
  const api = `http://localhost:${ports.frontDoor}`;
  const issuer = issuerUrl(ports);
  say(`Switchboard starts at ${api}, with its state in ${state.shown()}`);

  const [simulator, agent] = await step('Simulator, demo agent, token issuer', () =>
    Promise.all([
      startSimulator(children, state, ports.simulator),
      startDemoAgent(children, state, ports.agent, api),
      startIssuer(ports, state).then((server) => running.use(server)),
    ]),
  );
  const aws = await obtainAws(children, state, ports.emulator);
  state.rememberPort(ports.frontDoor);
  const { 'graph-url': graphApiUrl = simulator, 'public-url': publicUrl = api } = options;
  const agentRuntime = await obtainAgentRuntime(aws);
  const settings = { publicUrl, apiUrl: api, graphApiUrl, issuer, audience: AUDIENCE, agentRuntime };
  const apiId = await step('Deployment of the stack', (detail) => deploy(children, state, aws, settings, detail));
  running.use(await openFrontDoor(ports.frontDoor, aws.url, apiId, options['public-url']));

  const stack = { api, console: `${api}/console`, simulator, agent, issuer, awsEndpoint: aws.url, region: aws.region };
  running.use(publishStack(state, stack));
  const identity = { tenant: WALK_THROUGH_TENANT, operator: false };
  const token = await signAccessToken(await obtainIssuerKey(state), issuer, identity);
  say(walkThrough(stack, graphApiUrl, token, publicUrl));
}
