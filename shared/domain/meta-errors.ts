import type { MessageFailure } from '../contracts/agent-event.ts';
import type { GraphFailure } from './graph.ts';
export const failureOfReply = (
  failure: GraphFailure,
): Pick<MessageFailure, 'outcome' | 'meta' | 'explanation' | 'guidance' | 'retry'> => ({
  outcome: failure.kind === 'refused' ? 'refused' : 'unknown',
  meta: failure.kind === 'refused' ? { code: failure.code } : null,
  explanation: 'placeholder',
  guidance: 'placeholder',
  retry: 'never',
});
