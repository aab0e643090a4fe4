import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  readonly name: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** Processes of this machine whose command line or environment holds a text, our own excepted. Needs /proc (Linux). */
export function processesMentioning(text: string): readonly RunningProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const command = partsOf(`/proc/${entry}/cmdline`);
      const environment = partsOf(`/proc/${entry}/environ`);
      if (command.length === 0 || ![...command, ...environment].some((part) => part.includes(text))) return [];
      return [{ pid: Number(entry), name: command.join(' '), environment: new Map(environment.map(assignment)) }];
    });
}

/** Empty for a process that has ended meanwhile, or that is somebody else's. */
function partsOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function assignment(part: string): [string, string] {
  const at = part.indexOf('=');
  return [part.slice(0, at), part.slice(at + 1)];
}
