import type { Content, DeadLetter, DeadLetterQueue } from './dead-letter.ts';

export interface ReadLetter {
  readonly letter: DeadLetter;
  readonly content: Content;
}

/**
 * The dead letters that one run has in hand: received, hidden from everybody else, and given back at its end unless they were removed.
 * Keeps nothing of a message but how to give it back.
 */
export class HandedOut implements AsyncDisposable {
  readonly #queue: DeadLetterQueue;
  readonly #contentOf: (body: string) => Content;
  readonly #inHand = new Map<string, string>();
  readonly #seen = new Set<string>();

  constructor(queue: DeadLetterQueue, contentOf: (body: string) => Content) {
    this.#queue = queue;
    this.#contentOf = contentOf;
  }

  /** One receive after the other, until SQS hands out nothing new or so many have been handed out. */
  async *batches(most: number): AsyncGenerator<readonly ReadLetter[]> {
    while (this.#seen.size < most) {
      const received = await this.#queue.receive(most - this.#seen.size);
      for (const { messageId, receiptHandle } of received) this.#inHand.set(messageId, receiptHandle);
      // What comes again was hidden for too short a time: the run has been that slow, and ends here.
      const fresh = received.filter(({ messageId }) => !this.#seen.has(messageId));
      if (fresh.length === 0) return;
      for (const { messageId } of fresh) this.#seen.add(messageId);
      yield fresh.map((letter) => ({ letter, content: this.#contentOf(letter.body) }));
    }
  }

  /** From the dead letters, for good. */
  async remove(letter: DeadLetter): Promise<void> {
    await this.#queue.remove(letter);
    this.#inHand.delete(letter.messageId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Best effort: without it they are seen again when the time is up for which they are hidden.
    await this.#queue.giveBack([...this.#inHand.values()]).catch(() => undefined);
  }
}
