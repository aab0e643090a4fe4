import { emulatorEndpoint } from '../../infra/local/aws-endpoint.ts';
import { deployBareFloor } from './bare-side.ts';
import { Listener } from './listener.ts';
import { type Burst, burst, singles } from './rounds.ts';
import type { RunningCopy } from './running-copy.ts';
import { closeConnections, type Passage, type Side } from './side.ts';
import { quantile, rounded, sum } from './statistics.ts';
import { seedSwitchboard } from './switchboard-side.ts';

/** Both sides in turn, the first of a round is the second of the next: what else the machine does then hits both alike. */
const rounds = 4;
const singlesPerRound = 20;
const burstPerRound = 300;
const clients = 20;

/** Starts every worker, lets each open the secrets that it keeps, and the compiler see the code of both sides often enough. */
const warmUpBursts = 3;
const messagesPerWarmUp = 300;

export interface Measured {
  readonly acceptedP50: number;
  readonly heardP50: number;
  readonly heardP95: number;
  readonly messagesPerSecond: number;
}

export interface DeployedResult {
  /** Milliseconds, and messages per second. */
  readonly switchboard: Measured;
  readonly bare: Measured;
  readonly ratios: Measured;
  /** Ratios of the single rounds, smallest and largest: how much the noise is worth. */
  readonly spread: {
    readonly heardP50: readonly [number, number];
    readonly messagesPerSecond: readonly [number, number];
  };
  readonly repeats: number;
}

/** Measures Switchboard beside the bare stack, on one emulator and in one run. `running` ends what this starts; `say` gets the progress. */
export async function measureDeployed(
  copy: RunningCopy,
  running: AsyncDisposableStack,
  say: (text: string) => void,
): Promise<DeployedResult> {
  running.defer(closeConnections);
  const aws = { ...emulatorEndpoint(0), url: copy.awsEndpoint, region: copy.region };
  const listener = running.use(await Listener.open());
  say('Deploying the bare stack');
  const bare = await deployBareFloor(aws, listener, running);
  say('Seeding a tenant');
  const switchboard = await seedSwitchboard(copy, aws, listener);

  const sides = [switchboard, bare] as const;
  const passages = { switchboard: [] as Passage[][], bare: [] as Passage[][] };
  const bursts = { switchboard: [] as Burst[], bare: [] as Burst[] };
  say('Warming up');
  for (let time = 0; time < warmUpBursts; time++)
    for (const side of sides) await burst(side, messagesPerWarmUp, clients, listener);
  for (let round = 0; round < rounds; round++) {
    say(`Round ${round + 1} of ${rounds}`);
    const order: readonly Side[] = round % 2 === 0 ? sides : sides.toReversed();
    for (const side of order) passages[side.name].push([...(await singles(side, singlesPerRound, listener))]);
    for (const side of order) bursts[side.name].push(await burst(side, burstPerRound, clients, listener));
  }

  const measured = {
    switchboard: measuredOf(passages.switchboard.flat(), bursts.switchboard),
    bare: measuredOf(passages.bare.flat(), bursts.bare),
  };
  return {
    ...measured,
    ratios: ratiosOf(measured.switchboard, measured.bare),
    spread: spreadOf(passages, bursts),
    repeats: listener.repeats,
  };
}

function measuredOf(passages: readonly Passage[], bursts: readonly Burst[]): Measured {
  const heard = passages.map((passage) => passage.heard);
  const accepted = passages.map((passage) => passage.accepted);
  const perSecond = sum(bursts.map(({ messages }) => messages)) / sum(bursts.map(({ seconds }) => seconds));
  return {
    acceptedP50: rounded(quantile(accepted, 0.5), 1),
    heardP50: rounded(quantile(heard, 0.5), 1),
    heardP95: rounded(quantile(heard, 0.95), 1),
    messagesPerSecond: rounded(perSecond, 1),
  };
}

function ratiosOf(ours: Measured, floor: Measured): Measured {
  return {
    acceptedP50: rounded(ours.acceptedP50 / floor.acceptedP50),
    heardP50: rounded(ours.heardP50 / floor.heardP50),
    heardP95: rounded(ours.heardP95 / floor.heardP95),
    messagesPerSecond: rounded(ours.messagesPerSecond / floor.messagesPerSecond),
  };
}

function spreadOf(
  passages: Readonly<Record<Side['name'], readonly (readonly Passage[])[]>>,
  bursts: Readonly<Record<Side['name'], readonly Burst[]>>,
): DeployedResult['spread'] {
  const each = Array.from({ length: rounds }, (_, round) => {
    const of = (side: Side['name']) => measuredOf(passages[side][round] ?? [], bursts[side].slice(round, round + 1));
    return ratiosOf(of('switchboard'), of('bare'));
  });
  const range = (name: keyof Measured) =>
    [Math.min(...each.map((ratios) => ratios[name])), Math.max(...each.map((ratios) => ratios[name]))] as const;
  return { heardP50: range('heardP50'), messagesPerSecond: range('messagesPerSecond') };
}
