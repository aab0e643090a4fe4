// Ends the children of a start that was itself killed and so could not. It reads `+pid` and `-pid` lines; when the pipe
// closes, whoever is still listed belongs to nobody: SIGTERM, so that the emulator saves, then SIGKILL for the group.
// Arguments: the stack file, which must not outlive the stack, and the scratch folder.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 10_000;
const [stackFile, scratch] = process.argv.slice(2) as [string, string];
const listed = new Set<number>();

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) listed.add(pid);
  else listed.delete(pid);
}
rmSync(stackFile, { force: true });
for (const pid of listed) signal(pid, 'SIGTERM');
const deadline = performance.now() + GRACE_MS;
while ([...listed].some((pid) => signal(pid, 0)) && performance.now() < deadline) await sleep(100);
for (const pid of listed) signal(-pid, 'SIGKILL');
rmSync(scratch, { recursive: true, force: true });

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
