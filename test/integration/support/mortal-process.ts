/** What happens at the nth call that a process makes to the outside: before the call has an effect, or before its answer is seen. */
export interface Interruption {
  readonly at: number;
  readonly when: 'before' | 'after';
  /** Left out, the process dies. */
  readonly meanwhile?: (() => Promise<void>) | undefined;
}

/** Nobody ever hears of it again: no catch, no finally, no retry runs in a process that is dead. */
const silence = <T>(): Promise<T> => new Promise<T>(() => undefined);

/**
 * A process as far as the outside can tell: the calls that it makes, one after the other. It dies at the call that it was told, and
 * whatever it was about to do is never done; calls that were under way at that time still have their effect.
 */
export class MortalProcess {
  readonly #interruption: Interruption | undefined;
  readonly #death = Promise.withResolvers<'died'>();
  #calls = 0;
  #underWay = 0;
  #isDead = false;

  constructor(interruption?: Interruption) {
    this.#interruption = interruption;
  }

  /** Which of its calls began while another one was under way. */
  readonly sideBySide = new Set<number>();

  /** How many calls it has made. */
  get calls(): number {
    return this.#calls;
  }

  /** One call to the outside. */
  async call<T>(act: () => Promise<T>): Promise<T> {
    if (this.#isDead) return silence();
    this.#calls++;
    if (this.#underWay > 0) this.sideBySide.add(this.#calls);
    this.#underWay++;
    try {
      return await this.#callOrDie(act);
    } finally {
      this.#underWay--;
    }
  }

  async #callOrDie<T>(act: () => Promise<T>): Promise<T> {
    const interruption = this.#calls === this.#interruption?.at ? this.#interruption : undefined;
    if (interruption?.when === 'before' && !(await this.#survives(interruption))) return silence();
    const [outcome] = await Promise.allSettled([act()]);
    if (this.#isDead) return silence();
    if (interruption?.when === 'after' && !(await this.#survives(interruption))) return silence();
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** Lets it live until it has done its work, or dies. */
  async live(work: () => Promise<void>): Promise<'finished' | 'died'> {
    return Promise.race([work().then(() => 'finished' as const), this.#death.promise]);
  }

  async #survives({ meanwhile }: Interruption): Promise<boolean> {
    if (meanwhile !== undefined) {
      await meanwhile();
      return true;
    }
    this.#isDead = true;
    this.#death.resolve('died');
    return false;
  }
}
