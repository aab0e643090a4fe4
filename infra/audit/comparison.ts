import type { AuditItem } from '../../shared/contracts/audit.ts';
import type { TrailAnswer, TrailOpen } from './trail.ts';

/** One opening of a secret, as the trail and as our own line tell of it. */
export type Opening =
  /** Both tell of it. */
  | { readonly verdict: 'agreed'; readonly open: TrailOpen; readonly item: AuditItem }
  /** The trail tells of it and no line of ours does: somebody opened the secret past our code. */
  | { readonly verdict: 'not-ours'; readonly open: TrailOpen }
  /** Our line tells of it and the trail does not, though it had the time to. */
  | { readonly verdict: 'not-in-trail'; readonly item: AuditItem }
  /** Our line tells of it, and the trail may not know yet, or no longer. */
  | { readonly verdict: 'unknown-to-trail'; readonly item: AuditItem };

export const isFlagged = ({ verdict }: Opening): boolean => verdict === 'not-ours' || verdict === 'not-in-trail';

/** CloudTrail delivers within about 5 minutes on average, not guaranteed. Source: CloudTrail user guide, "How CloudTrail works". */
const trailLag = 15 * 60_000;

/** Our line on a refusal names no request to KMS: it and the event are of the same secret and close to each other. In milliseconds. */
const refusalWindow = 60_000;

const timeOf = ({ at }: { readonly at: string }) => new Date(at).getTime();

/**
 * Lays the events of the trail beside our own lines, newest last. An opening is matched by the id of the request to KMS, and only by
 * a line that names the same secret; a refusal by secret and time. Each line explains one event.
 */
export function compare(
  { opens, knowsSince }: TrailAnswer,
  items: readonly AuditItem[],
  credentialId: string,
  { since, now }: { readonly since: Date; readonly now: Date },
): readonly Opening[] {
  const unexplained = new Set(items.filter(({ action, phase }) => action === 'open' && phase === 'outcome'));
  const openings: Opening[] = [];
  for (const open of opens) {
    const item = [...unexplained].find((line) => tellsOf(line, open));
    if (item !== undefined) {
      unexplained.delete(item);
      openings.push({ verdict: 'agreed', open, item });
      // A secret that others share was opened for others, too: what is theirs is in their lists.
    } else if (open.ownerId === credentialId) openings.push({ verdict: 'not-ours', open });
  }
  for (const item of unexplained) {
    // A refusal need not have come as far as KMS: the row may be gone or broken.
    if (item.outcome === 'refused') continue;
    const isDue =
      now.getTime() - timeOf(item) > trailLag && (knowsSince === undefined || new Date(item.at) >= knowsSince);
    openings.push({ verdict: isDue ? 'not-in-trail' : 'unknown-to-trail', item });
  }
  return openings
    .filter((opening) => new Date(momentOf(opening)) >= since)
    .sort((a, b) => (momentOf(a) < momentOf(b) ? -1 : 1));
}

export const momentOf = (opening: Opening): string => ('open' in opening ? opening.open.at : opening.item.at);

function tellsOf(item: AuditItem, open: TrailOpen): boolean {
  const isSameSecret =
    item.owner === open.ownerId && item.purpose === open.purpose && item.secretVersion === open.secretVersion;
  if (!isSameSecret) return false;
  if (item.outcome === 'ok') return open.answer !== 'refused' && item.kmsRequestId === open.requestId;
  return open.answer !== 'allowed' && Math.abs(timeOf(item) - timeOf(open)) <= refusalWindow;
}
