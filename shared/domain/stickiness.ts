import type { Choice, RoutedConversation } from './choose-agent.ts';
import type { ConversationRecord } from './records.ts';

const millisecondsPerMinute = 60_000;

/** A conversation is kept so much longer than promised that most messages of a lively one need no write. */
const slack = 4 / 3;

/**
 * What the conversation's item must say after its agent took a message; undefined: what it says will do. The agent keeps it for at
 * least `conversationMinutes` after the last message, at most a third longer. For messages only: nothing else prolongs a conversation.
 */
export const keeping = (
  conversation: RoutedConversation | undefined,
  { binding }: Pick<Choice, 'binding'>,
  now: Date,
): Pick<ConversationRecord, 'agentId' | 'agentUntil'> | undefined => {
  const promised = binding.routing.conversationMinutes * millisecondsPerMinute;
  const kept = promised * slack;
  const left =
    conversation?.agentId === binding.agentId && conversation.agentUntil !== null
      ? Date.parse(conversation.agentUntil) - now.getTime()
      : 0;
  // Longer than we would keep it: the user has shortened it since.
  if (left >= promised && left <= kept) return undefined;
  return { agentId: binding.agentId, agentUntil: new Date(now.getTime() + kept).toISOString() };
};
