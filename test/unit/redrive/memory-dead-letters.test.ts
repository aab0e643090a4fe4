import { deadLettersContract } from '../../support/dead-letters-contract.ts';
import { MemoryDeadLetters } from './memory-dead-letters.ts';

deadLettersContract(() => {
  const queue = new MemoryDeadLetters();
  let count = 0;
  return Promise.resolve({
    queue,
    put(body, group) {
      count++;
      queue.put({ body, group, id: String(count) });
      return Promise.resolve();
    },
    moved: () => Promise.resolve(queue.sent.map(({ group, body }) => [group, body] as const)),
  });
});
