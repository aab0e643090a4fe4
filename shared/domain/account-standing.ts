import * as z from 'zod';
import type { PhoneNumber, Reason } from '../contracts/credential.ts';
import type { CredentialId, TenantId } from '../contracts/ids.ts';
import type { AccountNews } from '../contracts/queued-events.ts';
import type { ClaimStore } from './claim.ts';
import { Fault } from './fault.ts';
import type { Journal } from './journal.ts';
import type { CredentialRecord, NumberRecord, Standing } from './records.ts';
import { releaseCredentialTicket } from './release-tickets.ts';
import type { Ticket, WorkQueues } from './work.ts';

export interface AccountNewsPorts {
  readonly credentials: {
    find(tenantId: TenantId, credentialId: CredentialId): Promise<CredentialRecord | undefined>;
    /**
     * The standing of the account and what is known of its numbers, with its numbers stopped or not and the tickets for what follows, all or
     * nothing. False when the credential has changed since it was read.
     */
    recordStanding(before: CredentialRecord, after: CredentialRecord, tickets: readonly Ticket[]): Promise<boolean>;
  };
  readonly claims: ClaimStore;
  readonly releases: WorkQueues;
  readonly journal: Journal;
  readonly now: () => Date;
}

/** How often news are judged anew because the credential has changed meanwhile. */
const mostRaces = 5;

/**
 * Takes what Meta reports of an account into our picture of the credential, each report once: an account that Meta has disabled stops, and
 * goes on when it is reinstated. What is not understood changes nothing, nor does what is older than what is known.
 */
export const takeAccountNews = async (
  message: AccountNews,
  ports: AccountNewsPorts,
): Promise<'finished' | 'repeat'> => {
  const { tenantId, credentialId } = message;
  for (const news of message.news) {
    const { eventId } = news;
    const claim = await ports.claims.claim({
      eventId,
      tenantId,
      credentialId,
      phoneNumberId: null,
      agentId: null,
      kind: 'account',
      receivedAt: message.receivedAt,
      conversationId: null,
      isReleased: false,
    });
    if (claim.outcome === 'busy') return 'repeat';
    if (claim.outcome !== 'claimed') continue;
    ports.journal.info('account-news', { tenantId, credentialId, eventId, kind: news.field });
    try {
      await takeOne(message, news, ports);
      await claim.held.record({ state: 'done', replies: null, fates: [] });
    } catch (error) {
      await claim.held.release().catch(() => undefined);
      throw error;
    }
  }
  return 'finished';
};

const takeOne = async (
  { tenantId, credentialId }: AccountNews,
  news: AccountNews['news'][number],
  ports: AccountNewsPorts,
): Promise<void> => {
  for (let race = 0; race < mostRaces; race++) {
    const before = await ports.credentials.find(tenantId, credentialId);
    if (before === undefined || before.status === 'removing') return;
    const now = ports.now();
    const after = afterNews(before, news, now);
    if (after === before) return;
    const tickets = stopOf(before) !== null && stopOf(after) === null ? [releaseCredentialTicket(before, now)] : [];
    if (!(await ports.credentials.recordStanding(before, after, tickets))) continue;
    // One that is not queued is found by the sweeper.
    for (const ticket of tickets) await ports.releases.send(ticket).catch(() => undefined);
    return;
  }
  throw new Fault('store-unavailable', { retryable: true });
};

/**
 * The number items tell the router whether anything goes through the account. Two things may stop it, what a check has proved of the credential
 * and what Meta has reported of the account: neither end lifts the other's stop.
 */
export const stopOf = ({ standing, verdict }: CredentialRecord): NumberRecord['stopped'] => {
  const reason = verdict?.reason ?? (standing?.isStopped ? standing.reason : undefined);
  return reason === undefined ? null : { code: reason.code, since: reason.since };
};

/** Meta's words are short. Whatever is longer is something else, and must not fill our rows. */
const longestText = 300;

/** Restrictions that are named; Meta knows three kinds. */
const mostNamed = 5;

/**
 * What becomes part of an alert: who shares the Meta app could sign any text, and have it told to another tenant in our name. Meta's kinds are
 * constants.
 */
const textLike = (pattern: RegExp) => z.string().regex(pattern).optional().catch(undefined);
const constant = textLike(/^[A-Z0-9_]{1,80}$/);
const dateText = textLike(
  /^(?:(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}(?:, \d{4})?|\d{4}-\d{2}-\d{2})$/,
);

const optionalText = z.string().max(longestText).optional().catch(undefined);
const limit = z.union([z.string(), z.number()]).optional().catch(undefined);
const accountUpdate = z.object({
  event: optionalText,
  ban_info: z.object({ waba_ban_state: optionalText, waba_ban_date: dateText }).optional().catch(undefined),
  restriction_info: z
    .array(z.object({ restriction_type: constant }).catch({ restriction_type: undefined }))
    .optional()
    .catch(undefined),
  violation_info: z.object({ violation_type: constant }).optional().catch(undefined),
});
const reviewUpdate = z.object({ decision: optionalText });
const alert = z.object({
  alert_info: z
    .object({ alert_severity: optionalText, alert_status: optionalText, alert_type: constant })
    .optional()
    .catch(undefined),
});
const numberNews = z.object({
  display_phone_number: optionalText,
  event: optionalText,
  current_limit: optionalText,
  max_daily_conversations_per_business: limit,
  decision: optionalText,
  requested_verified_name: optionalText,
});
/** The second name is the older one. */
const capability = z.object({ max_daily_conversations_per_business: limit, max_daily_conversation_per_phone: limit });

/** The same record when the news change nothing. Source: "Webhooks", WhatsApp Business Platform reference, account fields. */
export const afterNews = (
  before: CredentialRecord,
  { field, value, at }: Pick<AccountNews['news'][number], 'field' | 'value' | 'at'>,
  now: Date,
): CredentialRecord => {
  switch (field) {
    case 'account_update':
      return withStanding(before, standingAfterUpdate(accountUpdate.parse(value), before, now), at);
    case 'account_review_update':
      return withStanding(before, standingAfterReview(reviewUpdate.parse(value).decision, before, now), at);
    case 'account_alerts':
      return withStanding(before, standingAfterAlert(alert.parse(value).alert_info ?? {}, before, now), at);
    case 'phone_number_quality_update':
    case 'phone_number_name_update':
      return withNumbers(before, numberNews.parse(value), field);
    case 'business_capability_update': {
      const { max_daily_conversations_per_business: ofBusiness, max_daily_conversation_per_phone: ofNumber } =
        capability.parse(value);
      return withLimit(before, ofBusiness ?? ofNumber);
    }
    default:
      return before;
  }
};

type Judgement = Standing | null | 'unchanged';

/**
 * News that come late say how it was, not how it is. Those of an account that is in order already are noted too: what they were the end of may
 * come after them.
 */
const withStanding = (before: CredentialRecord, standing: Judgement, at: number | null): CredentialRecord => {
  if (standing === 'unchanged' || isOlder(at, before.newsAt)) return before;
  const newsAt = at ?? before.newsAt;
  return standing === null && before.standing === null && newsAt === before.newsAt
    ? before
    : { ...before, standing, newsAt };
};

/** Never where one of the two has no time. */
const isOlder = (at: number | null, than: number | null): boolean => at !== null && than !== null && at < than;

const standingAfterUpdate = (
  { event, ban_info: ban, restriction_info: restrictions, violation_info: violation }: z.infer<typeof accountUpdate>,
  before: CredentialRecord,
  now: Date,
): Judgement => {
  switch (event) {
    case 'DISABLED_UPDATE':
      switch (ban?.waba_ban_state) {
        case 'DISABLE':
          return stopped(
            'account-disabled',
            'Meta has disabled the account',
            'Nothing is sent or received through it.',
            now,
          );
        case 'SCHEDULE_FOR_DISABLE':
          return heavier(
            before.standing,
            warned(
              'account-to-be-disabled',
              'Meta is going to disable the account',
              ban.waba_ban_date === undefined ? 'Meta names no date.' : `Meta names the date ${ban.waba_ban_date}.`,
              now,
            ),
          );
        case 'REINSTATE':
          return null;
        default:
          return 'unchanged';
      }
    case 'ACCOUNT_DELETED':
      return stopped(
        'account-deleted',
        'The account has been deleted at Meta',
        'Nothing can be sent or received through it.',
        now,
      );
    case 'ACCOUNT_OFFBOARDED':
      return stopped(
        'account-offboarded',
        'The account has left the Cloud API',
        'Its numbers are not reached any more.',
        now,
      );
    case 'ACCOUNT_RECONNECTED':
      return before.standing?.reason.code === 'account-offboarded' ? null : 'unchanged';
    case 'ACCOUNT_RESTRICTION':
      return heavier(
        before.standing,
        warned(
          'account-restricted',
          'Meta has restricted the account',
          (restrictions ?? [])
            .flatMap(({ restriction_type: type }) => type ?? [])
            .slice(0, mostNamed)
            .join(', ') || 'Meta names no restriction.',
          now,
        ),
      );
    case 'ACCOUNT_VIOLATION':
      return heavier(
        before.standing,
        warned(
          'account-violation',
          'Meta reports a violation of its policies',
          violation?.violation_type ?? 'Meta names no policy.',
          now,
        ),
      );
    default:
      return 'unchanged';
  }
};

const standingAfterReview = (decision: string | undefined, before: CredentialRecord, now: Date): Judgement => {
  if (decision === 'APPROVED') return before.standing?.reason.code === 'account-review-rejected' ? null : 'unchanged';
  return decision === 'REJECTED'
    ? heavier(
        before.standing,
        warned('account-review-rejected', 'Meta has not approved the account', 'Its review was rejected.', now),
      )
    : 'unchanged';
};

const standingAfterAlert = (
  {
    alert_severity: severity,
    alert_status: status,
    alert_type: type,
  }: NonNullable<z.infer<typeof alert>['alert_info']>,
  before: CredentialRecord,
  now: Date,
): Judgement => {
  if (status === 'NONE') return before.standing?.reason.code === 'account-alert' ? null : 'unchanged';
  return severity === 'CRITICAL'
    ? heavier(
        before.standing,
        warned('account-alert', 'Meta has raised an alert for the account', type ?? 'Meta names no kind.', now),
      )
    : 'unchanged';
};

const guidance = 'Open WhatsApp Manager, Account quality: Meta says there why, and how to appeal.';

const standingOf = (code: string, title: string, detail: string, now: Date): { readonly reason: Reason } => ({
  reason: { code, title, detail, guidance, since: now.toISOString() },
});
const stopped = (...[code, title, detail, now]: Parameters<typeof standingOf>): Standing => ({
  ...standingOf(code, title, detail, now),
  status: 'action_required',
  isStopped: true,
});
const warned = (...[code, title, detail, now]: Parameters<typeof standingOf>): Standing => ({
  ...standingOf(code, title, detail, now),
  status: 'degraded',
  isStopped: false,
});

/** A warning does not make up for a stop. */
const heavier = (before: Standing | null, warning: Standing): Judgement => (before?.isStopped ? 'unchanged' : warning);

const digitsOf = (number: string): string => number.replace(/\D/g, '');

const withNumbers = (
  before: CredentialRecord,
  news: z.infer<typeof numberNews>,
  field: 'phone_number_quality_update' | 'phone_number_name_update',
): CredentialRecord => {
  const named = digitsOf(news.display_phone_number ?? '');
  if (named === '') return before;
  return withPhoneNumbers(before, (number) =>
    digitsOf(number.displayPhoneNumber ?? '') !== named
      ? number
      : field === 'phone_number_name_update'
        ? withName(number, news)
        : withQuality(number, news),
  );
};

const withName = (
  number: PhoneNumber,
  { decision, requested_verified_name: name }: z.infer<typeof numberNews>,
): PhoneNumber => (decision === 'APPROVED' && name !== undefined ? { ...number, verifiedName: name } : number);

const withQuality = (
  number: PhoneNumber,
  { event, current_limit: current, max_daily_conversations_per_business: daily }: z.infer<typeof numberNews>,
): PhoneNumber => ({
  ...number,
  ...(event === 'FLAGGED' ? { status: 'FLAGGED' } : {}),
  ...(event === 'UNFLAGGED' && number.status === 'FLAGGED' ? { status: 'CONNECTED' } : {}),
  messagingLimit: tierOf(current) ?? tierOf(daily) ?? number.messagingLimit,
});

/** Meta describes a text like TIER_2K and sends the number 2000. */
const tiers: ReadonlyMap<string, string> = new Map([
  ['250', 'TIER_250'],
  ['2000', 'TIER_2K'],
  ['10000', 'TIER_10K'],
  ['100000', 'TIER_100K'],
  ['-1', 'TIER_UNLIMITED'],
]);

const tierOf = (told: z.infer<typeof limit>): string | undefined =>
  tiers.get(String(told)) ?? (typeof told === 'string' && /^TIER_\w{1,20}$/.test(told) ? told : undefined);

const withLimit = (before: CredentialRecord, told: z.infer<typeof limit>): CredentialRecord => {
  const messagingLimit = tierOf(told);
  return messagingLimit === undefined ? before : withPhoneNumbers(before, (number) => ({ ...number, messagingLimit }));
};

const withPhoneNumbers = (before: CredentialRecord, change: (number: PhoneNumber) => PhoneNumber): CredentialRecord => {
  const phoneNumbers = before.phoneNumbers.map(change);
  return JSON.stringify(phoneNumbers) === JSON.stringify(before.phoneNumbers) ? before : { ...before, phoneNumbers };
};
