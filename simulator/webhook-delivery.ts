import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestCallback } from './callback-request.ts';
import { metaJson } from './meta-json.ts';
import { hubSignature } from './signatures.ts';
import { pushBounded, type State } from './state.ts';
import { type Place, type Skipped, type Target, targetsOf } from './webhook-targets.ts';

/** How the body is signed: with the receiving app's secret, a wrong one, not at all, cut off, or with a given secret. */
export type Signing = 'good' | 'wrong' | 'none' | 'truncated' | { readonly secret: string };

export interface Attempt {
  readonly at: string;
  readonly status: number | null;
  readonly ms: number;
  readonly body: string | null;
  readonly error: string | null;
}

export interface Delivery {
  readonly appId: string;
  readonly url: string;
  readonly level: Target['level'];
  readonly attempts: Attempt[];
}

export interface DeliveryLogItem {
  readonly at: string;
  readonly bytes: number;
  readonly deliveries: readonly Delivery[];
}

export interface DeliveryOptions {
  readonly sign?: Signing | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Rounds after the first one; left out, the setting decides. */
  readonly retries?: number | undefined;
  readonly onAttempt?: ((attempt: Attempt, delivery: Delivery) => void) | undefined;
}

// "sha256=" and half of the 64 hex characters.
const TRUNCATED_SIGNATURE_LENGTH = 39;

/** Sends signed webhooks: to all targets, again until each has answered 200, with growing pauses. */
export class WebhookDelivery {
  readonly log: DeliveryLogItem[] = [];
  readonly #state: State;
  readonly #closing: AbortSignal;

  constructor(state: State, closing: AbortSignal) {
    this.#state = state;
    this.#closing = closing;
  }

  /** The bytes that go over the wire for a payload. */
  encode(payload: unknown, escaped = this.#state.settings.escapeBodies): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Buffer.from(escaped ? metaJson(payload) : JSON.stringify(payload), 'utf8'));
  }

  /** Delivers one change to whoever is to get it. */
  async announce(
    place: Place,
    change: { readonly field: string; readonly value: unknown },
    options: DeliveryOptions = {},
  ): Promise<{ readonly deliveries: Delivery[]; readonly skipped: Skipped[] }> {
    const { targets, skipped } = targetsOf(this.#state, place, change.field);
    const payload = { object: 'whatsapp_business_account', entry: [{ id: place.wabaId, changes: [change] }] };
    return { deliveries: await this.send(this.encode(payload), targets, options), skipped };
  }

  /** Sends these bytes; resolves after the last attempt. A failing target makes all targets get the body again. */
  async send(
    body: Uint8Array<ArrayBuffer>,
    targets: readonly Target[],
    options: DeliveryOptions = {},
  ): Promise<Delivery[]> {
    const { deliveryAttempts, retryAtAllApps } = this.#state.settings;
    const rounds = 1 + (options.retries ?? deliveryAttempts - 1);
    const deliveries = targets.map(
      (target): Delivery => ({ appId: target.app.id, url: target.url, level: target.level, attempts: [] }),
    );
    pushBounded(this.log, { at: new Date().toISOString(), bytes: body.byteLength, deliveries });
    for (let round = 0; round < rounds; round += 1) {
      const failing = deliveries.map((delivery) => delivery.attempts.at(-1)?.status !== 200);
      if (!failing.includes(true)) break;
      if (!(await this.#pauseBefore(round))) break;
      await Promise.all(
        targets.map(async (target, index) => {
          const delivery = deliveries[index];
          if (delivery === undefined || !(failing[index] === true || retryAtAllApps)) return;
          const attempt = await this.#attempt(body, target, options);
          delivery.attempts.push(attempt);
          options.onAttempt?.(attempt, delivery);
        }),
      );
    }
    return deliveries;
  }

  /** The second round follows at once, later ones after 1, 2, 4, … times the base delay. False when closing. */
  async #pauseBefore(round: number): Promise<boolean> {
    const delayMs = round < 2 ? 0 : this.#state.settings.retryBaseDelayMs * 2 ** (round - 2);
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.#closing }).catch(() => undefined);
    return !this.#closing.aborted;
  }

  async #attempt(body: Uint8Array<ArrayBuffer>, target: Target, options: DeliveryOptions): Promise<Attempt> {
    const at = new Date().toISOString();
    const signature = signatureFor(options.sign ?? 'good', target.app.secret, body);
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'facebookexternalua',
      ...(signature === null ? {} : { 'X-Hub-Signature-256': signature }),
      ...options.headers,
    };
    const timeoutMs = this.#state.settings.deliveryTimeoutMs;
    const answer = await requestCallback(target.url, { method: 'POST', headers, body }, timeoutMs, this.#closing);
    return answer.answered
      ? { at, status: answer.status, ms: answer.ms, body: answer.body, error: null }
      : { at, status: null, ms: answer.ms, body: null, error: answer.curlError };
  }
}

function signatureFor(signing: Signing, appSecret: string, body: Uint8Array): string | null {
  if (signing === 'none') return null;
  if (signing === 'good') return hubSignature(appSecret, body);
  if (signing === 'truncated') return hubSignature(appSecret, body).slice(0, TRUNCATED_SIGNATURE_LENGTH);
  if (signing === 'wrong') return hubSignature(randomBytes(16).toString('hex'), body);
  return hubSignature(signing.secret, body);
}
