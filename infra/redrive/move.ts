import type { Content, DeadLetter, DeadLetterQueue } from './dead-letter.ts';
import type { HandedOut } from './handed-out.ts';

export interface Moved {
  readonly messages: number;
  readonly events: number;
  readonly conversations: number;
}

/**
 * Moves messages back into the queue that they failed in: sent, then removed, one after the other. Tells after each how many it has been.
 * What is not `wanted` stays, and so does everything behind it in its group: order is kept whatever is left. Dying between the two
 * leaves a message in both queues. Moved again within five minutes SQS takes it for the same; after that it comes twice, and the claim on
 * each event, or the ticket, tells the second one that there is nothing left to do.
 */
export async function* move(
  handedOut: HandedOut,
  queue: DeadLetterQueue,
  { wanted, most, limit }: { wanted: (content: Content) => boolean; most: number; limit: number },
): AsyncGenerator<Moved> {
  const stuck = new Set<string>();
  const conversations = new Set<string>();
  let [messages, events] = [0, 0];
  for await (const batch of handedOut.batches(most)) {
    for (const { letter, content } of batch) {
      const group = letter.groupId ?? letter.messageId;
      if (stuck.has(group) || !wanted(content)) {
        stuck.add(group);
        continue;
      }
      await queue.send(letter, freshIdOf(letter));
      await handedOut.remove(letter);
      messages++;
      if (content.type === 'events') {
        events += content.eventIds?.length ?? 0;
        if (content.conversation !== null) conversations.add(content.conversation.id);
      }
      yield { messages, events, conversations: conversations.size };
      if (messages === limit) return;
    }
  }
}

/**
 * Another one than it was sent with, which SQS would swallow within five minutes of that; the same one whenever this dead letter is moved,
 * because a message that fails again is another one by its id.
 */
const freshIdOf = ({ messageId }: DeadLetter): string => `redrive-${messageId}`;
