import { appSecret, type Contender, floor, packages, switchboard } from './contenders.ts';
import { type Correctness, tryOut } from './correctness.ts';
import { newWamid } from './side.ts';
import { median, rounded } from './statistics.ts';
import { signatureOf, webhookBody } from './webhook-body.ts';

/** Messages in one webhook. */
const sizes = [1, 10, 100, 1000] as const;

/** Short enough that a disturbance spoils few blocks, long enough for the clock. In milliseconds. */
const blockLength = 20;
const blocks = 40;

/** Until the compiler has seen all of them often enough. */
const warmUpBlocks = 12;

/** One package beside the floor. */
export interface PackageResult {
  readonly name: string;
  /** How fast it is beside the floor. */
  readonly ratio: number;
  /** Messages that it has handed over, of those in the webhook; null where it hands over the JSON as it is. */
  readonly heard: number | null;
}

export interface InProcessResult {
  readonly messages: number;
  readonly bytes: number;
  /** Microseconds per webhook. */
  readonly switchboard: number;
  readonly floor: number;
  /** How fast ours is beside the floor: 1 is as fast, 0.5 takes twice the time. */
  readonly ratio: number;
  readonly packages: readonly PackageResult[];
}

export interface InProcess {
  readonly speed: readonly InProcessResult[];
  readonly correctness: { readonly names: readonly string[]; readonly rows: readonly Correctness[] };
}

/**
 * What a webhook costs without any network: signature over the raw bytes, parse, split into events; beside the bare floor, which is
 * HMAC, timingSafeEqual and JSON.parse, and beside packages that receive WhatsApp's webhooks. All in one process, block by block in
 * turn; medians, so that a disturbed block counts for nothing. And what each makes of deliveries that are not the simplest.
 */
export async function measureInProcess(): Promise<InProcess> {
  const others = await packages();
  const speed: InProcessResult[] = [];
  for (const messages of sizes) speed.push(await measureSize(messages, others));
  const all = [switchboard, ...others];
  return { speed, correctness: { names: all.map(({ name }) => name), rows: await tryOut(all) } };
}

async function measureSize(messages: number, others: readonly Contender[]): Promise<InProcessResult> {
  const body = webhookBody(...Array.from({ length: messages }, (_, index) => messageOf(index)));
  const signature = signatureOf(appSecret, body);
  const all = [switchboard, floor, ...others];
  const heard: (number | null)[] = [];
  for (const contender of all) {
    const told = contender.heard(await contender.receive(body, signature));
    if (told === undefined) throw new Error(`${contender.name} refused a good signature.`);
    heard.push(told === 'unsplit' ? null : told.length);
  }
  if (heard[0] !== messages) throw new Error('Not every message was found.');
  const times = await inTurn(all.map((contender) => () => contender.receive(body, signature)));
  const [ours = 0, least = 0, ...rest] = times;
  return {
    messages,
    bytes: body.byteLength,
    switchboard: rounded(ours, 1),
    floor: rounded(least, 1),
    ratio: rounded(least / ours),
    packages: others.map(({ name }, index) => ({
      name,
      ratio: rounded(least / (rest[index] ?? Number.NaN), 3),
      heard: heard[index + 2] ?? null,
    })),
  };
}

/** Microseconds per call of each. */
async function inTurn(works: readonly (() => unknown)[]): Promise<readonly number[]> {
  const times = works.map((): number[] => []);
  for (let block = 0; block < blocks + warmUpBlocks; block++) {
    // Whoever comes after one that leaves much garbage pays for a part of it: each begins in turn, forwards and backwards.
    const order = works.map((_, place) => (place + block) % works.length);
    for (const index of block % 2 === 0 ? order : order.toReversed()) {
      const time = await timeOf(works[index] ?? (() => undefined));
      if (block >= warmUpBlocks) times[index]?.push(time);
    }
  }
  return times.map(median);
}

async function timeOf(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < blockLength) {
    const done = work();
    if (done instanceof Promise) await done;
    calls++;
    elapsed = performance.now() - startedAt;
  }
  return (elapsed * 1000) / calls;
}

const messageOf = (index: number) => ({
  wamid: newWamid(),
  wabaId: '900200000000001',
  phoneNumberId: '900400000000001',
  from: `4915550${100_000 + index}`,
});
