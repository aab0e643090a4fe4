import type { Work } from '../../shared/contracts/work.ts';
import { aligned } from '../operator-command.ts';
import type { Content } from './dead-letter.ts';
import type { ReadLetter } from './handed-out.ts';
import type { WhatIsKnown } from './what-is-known.ts';

/** What is kept of a message for the preview. */
export interface Shown {
  readonly messageId: string;
  readonly sentAt: string;
  readonly receives: number;
  readonly content: Content;
}

export const shownOf = ({ letter, content }: ReadLetter): Shown => ({
  messageId: letter.messageId,
  sentAt: letter.sentAt.toISOString(),
  receives: letter.receives,
  content,
});

type EventsContent = Extract<Content, { type: 'events' }>;
type WorkContent = Extract<Content, { type: 'work' }>;
type ShownOf<C extends Content> = Shown & { readonly content: C };

/** A table of what would be moved. Ids and counts: of customers neither number nor name nor word. */
export async function preview(shown: readonly Shown[], known: WhatIsKnown): Promise<readonly string[]> {
  const events = shown.filter((it): it is ShownOf<EventsContent> => it.content.type === 'events');
  const work = shown.filter((it): it is ShownOf<WorkContent> => it.content.type === 'work');
  const unreadable = shown.filter(({ content }) => content.type === 'unreadable');
  return [
    ...(events.length === 0 ? [] : await eventsTable(events, known)),
    ...(work.length === 0 ? [] : await workTable(work, known)),
    ...unreadable.map(
      ({ messageId, sentAt, receives }) =>
        `Unreadable: message ${messageId}, queued ${sentAt}, received ${receives} times. It stays, and so does what is behind it in its group.`,
    ),
  ];
}

async function eventsTable(events: readonly ShownOf<EventsContent>[], known: WhatIsKnown): Promise<readonly string[]> {
  const finished = await known.finishedOf(events.flatMap(({ content }) => content.eventIds ?? []));
  const handled = await known.lastHandledOf(events.flatMap(({ content }) => content.conversation?.id ?? []));
  const groups = Map.groupBy(events, ({ content }) => content.conversation?.id ?? `news ${content.tenantId}`);
  const rows = [...groups.values()].map((messages) => {
    const [{ content }] = messages as [ShownOf<EventsContent>];
    const ids = messages.flatMap((it) => it.content.eventIds ?? []);
    const withoutIds = messages.filter((it) => it.content.eventIds === undefined).length;
    return [
      content.conversation?.id ?? 'news of the account',
      content.tenantId,
      content.conversation?.phoneNumberId ?? '-',
      String(messages.length),
      `${ids.length}${withoutIds === 0 ? '' : ` and ${withoutIds} by pointer`}`,
      String(new Set(ids.filter((id) => finished.has(id))).size),
      earliest(messages.map((it) => it.content.receivedAt)),
      String(Math.max(...messages.map(({ receives }) => receives))),
      content.conversation === null ? '-' : movedOn(messages, handled.get(content.conversation.id)),
    ];
  });
  const head = ['conversation', 'tenant', 'number', 'messages', 'events', 'done', 'oldest', 'receives', 'since then'];
  return aligned([head, ...rows]);
}

/**
 * Whether something of the conversation has been handled after its oldest dead letter was queued. Where an event before it was handled
 * late it says so too: a doubt too many is better than a surprise.
 */
function movedOn(messages: readonly Shown[], lastHandledAt: string | null | undefined): string {
  if (lastHandledAt === undefined) return 'unknown';
  if (lastHandledAt === null) return 'nothing handled';
  const since = new Date(earliest(messages.map(({ sentAt }) => sentAt)));
  return new Date(lastHandledAt) > since ? `HAS MOVED ON, last handled ${lastHandledAt}` : 'nothing handled';
}

async function workTable(work: readonly ShownOf<WorkContent>[], known: WhatIsKnown): Promise<readonly string[]> {
  const open = await known.openOf(work.map(({ content }) => content.ticket));
  const rows = work.map(({ content, sentAt, receives }) => [
    content.work.kind,
    ownerOf(content.work),
    sentAt,
    String(receives),
    open.has(content.ticket) ? 'still to be done' : 'done, or queued anew by the sweeper',
  ]);
  return aligned([['work', 'of', 'queued', 'receives', 'since then'], ...rows]);
}

function ownerOf(work: Work): string {
  switch (work.kind) {
    case 'set-up':
    case 'clean-up':
    case 'check-credential':
      return `${work.tenantId} ${work.credentialId}`;
    case 'publish-alert':
      return `${work.audience === 'operator' ? 'operator about ' : ''}${work.tenantId} ${work.alert.credentialId}`;
    case 'tell-operators':
      return 'operator';
    case 'subscribe':
      return work.tenantId;
    case 'reseal':
    case 'retire-secret':
      return `app ${work.appId}`;
    case 'retire-agent-secret':
      return `${work.tenantId} ${work.agentId}`;
    case 'release-held':
      return `${work.tenantId} ${work.phoneNumberIds.join(' ')}`;
    default:
      return work satisfies never;
  }
}

/** ISO-8601 in UTC sorts by time. */
const earliest = (times: readonly string[]): string => [...times].sort()[0] ?? '';
