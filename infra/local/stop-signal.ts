const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C reaches us several times: from the terminal, from npm and from bootstrap.mjs. */
const SAME_KEYSTROKE_MS = 1_000;

/** Resolves at the first request to stop; a second one, by a person who will not wait, calls `force`. */
export function stopSignal(force: () => void): Promise<'stop'> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (firstAt !== undefined && performance.now() - firstAt > SAME_KEYSTROKE_MS) force();
        firstAt ??= performance.now();
        resolve('stop');
      });
    }
  });
}
