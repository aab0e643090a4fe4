const SILENCE_MS = 1_000;
const REMINDER_MS = 10_000;

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Does one step of the start and prints what and how long; a slow step says so after a second and every ten. */
export async function step<Result>(
  doing: string,
  work: (detail: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const seconds = (digits: number) => ((performance.now() - startedAt) / 1000).toFixed(digits);
  let detail = '';
  const first = setTimeout(() => say(`  … ${doing}`), SILENCE_MS);
  const reminder = setInterval(() => say(`  … ${doing}: ${seconds(0)} s${detail && `, ${detail}`}`), REMINDER_MS);
  try {
    const result = await work((text) => {
      detail = text;
    });
    say(`  ✓ ${doing} (${seconds(1)} s${detail && `, ${detail}`})`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(reminder);
  }
}
