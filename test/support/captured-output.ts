import { vi } from 'vitest';

/** What a Lambda prints while it is captured: CloudWatch gets exactly this. */
export const captureOutput = () => {
  const printed: string[] = [];
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, level).mockImplementation(
      (...words: unknown[]) => void printed.push(words.map(String).join(' ')),
    );
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => Boolean(printed.push(String(chunk))));
  const json = () => printed.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as PrintedLine);
  return {
    text: () => printed.join(''),
    /** The log lines, as the journal made them. */
    lines: () => json().filter(({ _aws }) => _aws === undefined),
    /** The metrics, in CloudWatch's embedded format. */
    metrics: () => json().filter(({ _aws }) => _aws !== undefined),
  };
};

export type PrintedLine = Readonly<Record<string, unknown>>;
