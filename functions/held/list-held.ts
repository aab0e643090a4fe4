import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { HeldReader } from '../../shared/adapters/held-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { pageQuery } from '../../shared/contracts/page.ts';
import { numbersOf, type RoutingStore } from '../../shared/domain/conversation.ts';
import { type HeldConversation, obstacleOf } from '../../shared/domain/hold-event.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { ConversationRecord, NumberRecord } from '../../shared/domain/records.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface ListHeldPorts {
  readonly credentials: CredentialReader;
  readonly held: Pick<HeldReader, 'page'>;
  readonly routing: Pick<RoutingStore, 'read'>;
}

/** Lists the conversations of a credential of which something is held, and why. What is held itself is shown to nobody but its agent. */
export const listHeld = async (
  caller: Caller,
  id: CredentialId,
  page: { readonly limit: number; readonly cursor?: string | undefined },
  ports: ListHeldPorts,
): Promise<Answer | Refused> => {
  const credential = await ports.credentials.find(caller.tenantId, id);
  if (credential === undefined) return refuse('not-found');
  const { items, nextCursor } = await ports.held.page(caller.tenantId, numbersOf(credential), page.limit, page.cursor);
  const shown = await Promise.all(
    items.map(async (conversation) => {
      const { phoneNumberId, conversationId } = conversation;
      const { number, conversations } = await ports.routing.read(phoneNumberId, [conversationId]);
      // What is still held of a former owner says nothing of the one who has the number now.
      const own = number?.tenantId === caller.tenantId ? number : undefined;
      return heldView(conversation, own, conversations.get(conversationId));
    }),
  );
  return { kind: 'ok', body: { items: shown, nextCursor } };
};

const heldView = (
  { conversationId, phoneNumberId, agentId, agentIds, heldSince }: HeldConversation,
  number: NumberRecord | undefined,
  conversation: ConversationRecord | undefined,
) => {
  const waiting = conversation?.heldCount ?? 0;
  const between = agentIds.map((agent) => number && obstacleOf(number, agent)).find((it) => it !== undefined);
  return {
    conversationId,
    phoneNumberId,
    agentId,
    reason: between ?? (waiting === 0 ? 'choice' : 'replaying'),
    heldSince,
    waiting,
    needsChoice: conversation?.setAsideCount ?? 0,
  };
};

export const listHeldRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/held',
  path: z.object({ credentialId }),
  query: pageQuery,
  run: ({ caller, path, query }) =>
    listHeld(caller, path.credentialId, query, {
      credentials: ports.credentials(),
      held: ports.held(),
      routing: ports.routing(),
    }),
});
