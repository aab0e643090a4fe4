import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { callMatcherSchema, RuleList } from './call-matcher.ts';
import { type Customer, type PhoneNumber, type StatusName, statusNames, type Waba } from './seed.ts';
import type { State } from './state.ts';
import type { WebhookDelivery } from './webhook-delivery.ts';
import { statusChange } from './webhook-payloads.ts';

/** What becomes of the next messages that match, instead of what the settings say. */
export const outcomeSchema = z.strictObject({
  ...callMatcherSchema.omit({ app: true, method: true, path: true }).shape,
  phoneNumberId: z.string().optional(),
  statuses: z.array(z.enum(statusNames)),
  errorCode: z.int().optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

export interface SentMessage {
  readonly wamid: string;
  readonly waba: Waba;
  readonly phone: PhoneNumber;
  readonly customer: Customer;
  readonly type: string;
  readonly opaqueCallbackData: string | undefined;
  /** The body as it came, for matching outcomes. */
  readonly body: string;
  readonly outsideWindow: boolean;
}

/** Tells the apps by signed webhooks what became of a sent message. */
export class MessageStatuses {
  readonly outcomes = new RuleList<Outcome & { readonly path: string | undefined }>('outcome');
  readonly #state: State;
  readonly #webhooks: WebhookDelivery;
  readonly #closing: AbortSignal;

  constructor(state: State, webhooks: WebhookDelivery, closing: AbortSignal) {
    this.#state = state;
    this.#webhooks = webhooks;
    this.#closing = closing;
  }

  /** Delivers the statuses of a message one after the other; each is retried on its own. */
  async follow(message: SentMessage): Promise<void> {
    const { settings } = this.#state;
    const { phone, waba, customer, body } = message;
    const outcome = this.outcomes.take({ method: 'POST', path: `/${phone.id}/messages`, body })?.rule;
    const expected: readonly StatusName[] = message.outsideWindow ? ['failed'] : settings.statuses;
    const errorCode = outcome?.errorCode ?? (message.outsideWindow ? 131047 : settings.failedStatusCode);
    for (const status of outcome?.statuses ?? expected) {
      await sleep(outcome?.delayMs ?? settings.statusDelayMs, undefined, { signal: this.#closing }).catch(
        () => undefined,
      );
      if (this.#closing.aborted) return;
      const change = statusChange(
        { waba, phone, customer, settings },
        {
          wamid: message.wamid,
          status,
          category: message.type === 'template' ? 'marketing' : 'service',
          opaqueCallbackData: message.opaqueCallbackData,
          errorCode,
        },
      );
      // Why not await: Meta promises no order, and a failing endpoint must not hold back the next status.
      void this.#webhooks.announce({ wabaId: waba.id, phoneNumberId: phone.id }, change);
    }
  }
}
