import type { DeadLetter, DeadLetterQueue } from '../../../infra/redrive/dead-letter.ts';

/** How long SQS takes a second message with the same deduplication id for the first. In milliseconds. */
const deduplicationWindow = 5 * 60_000;
const batch = 10;

export interface Put {
  readonly body: string;
  readonly group?: string;
  readonly id: string;
  readonly sentAt?: string;
}

/** How a run ends before its time: at the nth call of a method, before it takes effect or after. */
export interface End {
  readonly method: 'send' | 'remove';
  readonly at: number;
  readonly when: 'before' | 'after';
}

class Killed extends Error {}

/** A dead-letter queue and the queue that it belongs to, as SQS keeps them. Its clock stands still unless it is told. */
export class MemoryDeadLetters implements DeadLetterQueue {
  readonly sent: { readonly body: string; readonly group: string | undefined; readonly deduplicationId: string }[] = [];
  readonly #dead: { letter: Omit<DeadLetter, 'receiptHandle'>; receipt: number; hiddenUntil: number }[] = [];
  readonly #recent = new Map<string, number>();
  readonly #calls = { send: 0, remove: 0 };
  #end: End | undefined;
  #now = 0;
  hiddenFor = 120_000;

  put(...messages: readonly Put[]): void {
    for (const { body, group, id, sentAt = '2026-11-24T10:00:00.000Z' } of messages)
      this.#dead.push({
        letter: { messageId: id, body, groupId: group, sentAt: new Date(sentAt), receives: 20 },
        receipt: 0,
        hiddenUntil: 0,
      });
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** The run that comes next is killed there; without one it lives. */
  killAt(end?: End): void {
    this.#end = end;
    this.#calls.send = 0;
    this.#calls.remove = 0;
  }

  /** What is left, hidden or not. */
  get left(): readonly string[] {
    return this.#dead.map(({ letter }) => letter.messageId);
  }

  get hidden(): readonly string[] {
    return this.#dead.filter(({ hiddenUntil }) => hiddenUntil > this.#now).map(({ letter }) => letter.messageId);
  }

  receive(most: number): Promise<readonly DeadLetter[]> {
    const blocked = new Set(
      this.#dead.flatMap(({ letter, hiddenUntil }) => (hiddenUntil > this.#now ? (letter.groupId ?? []) : [])),
    );
    const found = this.#dead
      .filter(({ letter, hiddenUntil }) => hiddenUntil <= this.#now && !blocked.has(letter.groupId ?? ''))
      .slice(0, Math.min(most, batch));
    return Promise.resolve(
      found.map((message) => {
        message.receipt++;
        message.hiddenUntil = this.#now + this.hiddenFor;
        message.letter = { ...message.letter, receives: message.letter.receives + 1 };
        return { ...message.letter, receiptHandle: `${message.letter.messageId}/${message.receipt}` };
      }),
    );
  }

  send({ body, groupId }: DeadLetter, deduplicationId: string): Promise<void> {
    return this.#mortally('send', () => {
      const key = `${groupId}:${deduplicationId}`;
      const known = this.#recent.get(key);
      if (groupId !== undefined && known !== undefined && known + deduplicationWindow > this.#now) return;
      this.#recent.set(key, this.#now);
      this.sent.push({ body, group: groupId, deduplicationId });
    });
  }

  remove({ receiptHandle }: DeadLetter): Promise<void> {
    return this.#mortally('remove', () => {
      const index = this.#dead.findIndex(({ letter, receipt }) => `${letter.messageId}/${receipt}` === receiptHandle);
      if (index === -1) throw new Error('The receipt handle is not valid.');
      this.#dead.splice(index, 1);
    });
  }

  giveBack(receiptHandles: readonly string[]): Promise<void> {
    // A process that was killed gives nothing back.
    if (this.#end !== undefined) return Promise.reject(new Killed());
    for (const message of this.#dead)
      if (receiptHandles.includes(`${message.letter.messageId}/${message.receipt}`)) message.hiddenUntil = 0;
    return Promise.resolve();
  }

  count(): Promise<number> {
    return Promise.resolve(this.#dead.length);
  }

  async #mortally(method: End['method'], act: () => void): Promise<void> {
    this.#calls[method]++;
    const end = this.#end?.method === method && this.#end.at === this.#calls[method] ? this.#end : undefined;
    if (end?.when === 'before') throw new Killed('killed');
    act();
    if (end?.when === 'after') throw new Killed('killed');
  }
}
