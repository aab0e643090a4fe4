import type { Reason, WebhookLevel } from '../contracts/credential.ts';
import { phoneNumberId } from '../contracts/ids.ts';
import { noticesElsewhereCode } from './credential-state.ts';

/** What somebody has changed at Meta since the webhook was set up, in one reason; undefined: nothing. */
export const driftOf = (levels: readonly WebhookLevel[], now: Date): Reason | undefined => {
  const changed = levels.filter(({ matches }) => !matches);
  if (changed.length === 0) return undefined;
  const isOfNotices = changed.every(({ level, difference }) => level === 'app' && difference === 'replaced');
  const numbers = changed.flatMap(({ level, id }) => (level === 'number' ? [phoneNumberId.parse(id)] : []));
  return {
    code: isOfNotices ? noticesElsewhereCode : 'webhook-drifted',
    title: isOfNotices ? 'Notices about the account go elsewhere' : 'The webhook at Meta has been changed',
    detail: changed.map(({ detail }) => detail).join(' '),
    guidance: 'Repair the webhook (POST …/webhook/repair), if that change was not meant.',
    since: now.toISOString(),
    ...(numbers.length === 0 ? {} : { phoneNumberIds: numbers }),
  };
};
