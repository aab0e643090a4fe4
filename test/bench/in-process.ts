import { createHmac, timingSafeEqual } from 'node:crypto';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { claimedSignature, signedWith } from '../../shared/crypto/webhook-signature.ts';
import { parseDelivery } from '../../shared/domain/webhook-delivery.ts';
import { newWamid } from './side.ts';
import { median, rounded } from './statistics.ts';
import { signatureOf, webhookBody } from './webhook-body.ts';

const appSecret = 'facade00facade00facade00facadebe';

/** Messages in one webhook. */
const sizes = [1, 10, 100, 1000] as const;

/** Short enough that a disturbance spoils few blocks, long enough for the clock. In milliseconds. */
const blockLength = 20;
const blocks = 60;

export interface InProcessResult {
  readonly messages: number;
  readonly bytes: number;
  /** Microseconds per webhook. */
  readonly switchboard: number;
  readonly floor: number;
  /** How fast ours is beside the floor: 1 is as fast, 0.5 takes twice the time. */
  readonly ratio: number;
}

/**
 * What a webhook costs without any network: signature over the raw bytes, parse, split into events; beside the bare floor, which is
 * HMAC, timingSafeEqual and JSON.parse. Both in one process, block by block in turn; medians, so that a disturbed block counts for nothing.
 */
export function measureInProcess(): readonly InProcessResult[] {
  using secret = SecretBytes.fromText(appSecret);
  return sizes.map((messages) => {
    const body = webhookBody(...Array.from({ length: messages }, (_, index) => messageOf(index)));
    const header = signatureOf(appSecret, body);
    const ours = () => {
      const claimed = claimedSignature(header);
      if (claimed === undefined || !signedWith(secret, body, claimed)) throw new Error('Refused a good signature.');
      if (parseDelivery(body)?.length !== messages) throw new Error('Not every message was found.');
    };
    const floor = () => {
      const expected = createHmac('sha256', appSecret).update(body).digest();
      if (!timingSafeEqual(expected, Buffer.from(header.slice('sha256='.length), 'hex'))) throw new Error('Refused.');
      JSON.parse(body.toString());
    };
    const times = inTurn(ours, floor);
    return {
      messages,
      bytes: body.byteLength,
      switchboard: rounded(median(times.ours), 1),
      floor: rounded(median(times.floor), 1),
      ratio: rounded(median(times.floor) / median(times.ours)),
    };
  });
}

/** Microseconds per call, one value for each block. */
function inTurn(ours: () => void, floor: () => void) {
  const times = { ours: [] as number[], floor: [] as number[] };
  for (let block = 0; block < blocks + warmUpBlocks; block++) {
    const measured = { ours: timeOf(ours), floor: timeOf(floor) };
    if (block < warmUpBlocks) continue;
    times.ours.push(measured.ours);
    times.floor.push(measured.floor);
  }
  return times;
}

/** Until the compiler has seen both often enough. */
const warmUpBlocks = 15;

function timeOf(work: () => void): number {
  const startedAt = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < blockLength) {
    work();
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
