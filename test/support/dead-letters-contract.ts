import { expect, test } from 'vitest';
import type { DeadLetterQueue } from '../../infra/redrive/dead-letter.ts';

export interface ContractScene {
  readonly queue: DeadLetterQueue;
  /** Puts a message among the dead letters. */
  put(body: string, group: string): Promise<void>;
  /** What came into the queue that they failed in: group and body, in order. */
  moved(): Promise<readonly (readonly [string | undefined, string])[]>;
}

/** What a redrive relies on, whichever queue it is: SQS, and the one in memory that the unit tests take for it. */
export const deadLettersContract = (make: () => Promise<ContractScene>): void => {
  const filled = async (...messages: readonly (readonly [group: string, body: string])[]) => {
    const scene = await make();
    for (const [group, body] of messages) await scene.put(body, group);
    return scene;
  };
  const bodies = (letters: readonly { readonly body: string }[]) => letters.map(({ body }) => body);

  test('hands out in order, as it was put in, at most what was asked for, and each once', async () => {
    const { queue } = await filled(['a', 'a1'], ['b', 'b1 \u2028 ü'], ['a', 'a2']);
    const first = await queue.receive(2);
    expect(first).toMatchObject([
      { body: 'a1', groupId: 'a' },
      { body: 'b1 \u2028 ü', groupId: 'b' },
    ]);
    expect(first[0]?.sentAt).toBeInstanceOf(Date);
    expect(first[0]?.receives).toBeGreaterThan(0);
    expect(await queue.count()).toBe(3);
  });

  test('hands out nothing more of a group while some of it is in hand, and the rest once that is removed', async () => {
    const { queue } = await filled(['a', 'a1'], ['a', 'a2']);
    const [first] = await queue.receive(1);
    expect(await queue.receive(10)).toEqual([]);
    if (first !== undefined) await queue.remove(first);
    expect(bodies(await queue.receive(10))).toEqual(['a2']);
  });

  test('hands out the same again once it is given back, under the same id', async () => {
    const { queue } = await filled(['a', 'a1'], ['a', 'a2'], ['b', 'b1']);
    const first = await queue.receive(10);
    await queue.giveBack(first.map(({ receiptHandle }) => receiptHandle));
    const again = await queue.receive(10);
    expect(again.map(({ messageId, body }) => [messageId, body]).sort()).toEqual(
      first.map(({ messageId, body }) => [messageId, body]).sort(),
    );
    expect(bodies(again.filter(({ groupId }) => groupId === 'a'))).toEqual(['a1', 'a2']);
  });

  test('gives back hundreds', async () => {
    const { queue } = await filled(...Array.from({ length: 25 }, (_, index) => [`group ${index}`, 'x'] as const));
    const handles: string[] = [];
    for (let letters = await queue.receive(10); letters.length > 0; letters = await queue.receive(10))
      handles.push(...letters.map(({ receiptHandle }) => receiptHandle));
    expect(handles).toHaveLength(25);
    await queue.giveBack(handles);
    expect(await queue.receive(10)).toHaveLength(10);
  });

  test('sends with group and bytes as they are, and takes a second one with the same id for the first', async () => {
    const { queue, moved } = await filled(['a', 'a1 \u2028 ü'], ['a', 'a2']);
    const [first, second] = await queue.receive(10);
    if (first === undefined || second === undefined) throw new Error('Nothing was handed out');
    await queue.send(first, 'one');
    await queue.send(first, 'one');
    await queue.send(second, 'two');
    expect(await moved()).toEqual([
      ['a', 'a1 \u2028 ü'],
      ['a', 'a2'],
    ]);
  });
};
