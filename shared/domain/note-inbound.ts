import {
  changed,
  type ErasedKey,
  isErasedSince,
  newConversation,
  type RoutingStore,
  readConversation,
} from './conversation.ts';
import { withInbound } from './customer-service-window.ts';
import { Fault } from './fault.ts';

/** How often it is tried again because somebody else has changed the conversation meanwhile. */
const mostTries = 4;

export interface Inbound {
  /** When its customer wrote or called. */
  readonly at: string;
  readonly receivedAt: string;
}

/**
 * Notes in a conversation that its customer wrote or called, unless that is noted already or the customer was erased since: for who would be told
 * that the window is closed if it were not. @throws {Fault} store-unavailable, row-malformed
 */
export const noteInbound = async (
  key: ErasedKey,
  { at, receivedAt }: Inbound,
  routing: Pick<RoutingStore, 'read' | 'save'>,
  now: Date,
): Promise<void> => {
  for (let time = 0; time < mostTries; time++) {
    const before = await readConversation(key, routing);
    const change = withInbound(before, at);
    if (change.lastInboundAt === undefined || isErasedSince(before, receivedAt)) return;
    if (await routing.save(before, changed(before ?? newConversation(key, now), change, now))) return;
  }
  throw new Fault('store-unavailable', { retryable: true });
};
