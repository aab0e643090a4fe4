import { setMaxListeners } from 'node:events';
import { CallLog } from './call-log.ts';
import { RuleList } from './call-matcher.ts';
import type { Fault } from './faults.ts';
import { MediaLibrary } from './media-library.ts';
import { MessageStatuses } from './message-statuses.ts';
import type { Seed } from './seed.ts';
import { State } from './state.ts';
import { WebhookDelivery } from './webhook-delivery.ts';

/** One simulated Meta: what it knows, and what it does on its own. */
export class Simulation {
  readonly state = new State();
  readonly media = new MediaLibrary();
  readonly calls = new CallLog();
  readonly faults = new RuleList<Fault>('fault');
  readonly webhooks: WebhookDelivery;
  readonly statuses: MessageStatuses;
  readonly closing: AbortSignal;
  readonly #seed: Seed;
  readonly #abort = new AbortController();

  constructor(seed: Seed) {
    this.#seed = seed;
    this.closing = this.#abort.signal;
    // Every waiting delivery and status listens to it.
    setMaxListeners(0, this.closing);
    this.webhooks = new WebhookDelivery(this.state, this.closing);
    this.statuses = new MessageStatuses(this.state, this.webhooks, this.closing);
  }

  /** Back to the seed: everything else is forgotten. */
  reset(): void {
    this.state.clear();
    this.media.clear();
    this.calls.clear();
    this.faults.clear();
    this.statuses.outcomes.clear();
    this.webhooks.log.length = 0;
    this.state.merge(this.#seed);
  }

  /** Ends waiting deliveries, statuses and handshakes, and leaves no media on disk. */
  close(): void {
    this.#abort.abort();
    this.media.close();
  }
}
