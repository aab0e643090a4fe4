import type { PhoneNumber, Reason } from '../contracts/credential.ts';
import type { PhoneNumberId } from '../contracts/ids.ts';
import type { AccountHealth, CredentialRecord, Finding, NumberHealth } from './records.ts';

/** A number that agents answer, as it was just seen. Unbound numbers are nobody's trouble. */
export interface BoundNumber {
  readonly phoneNumberId: PhoneNumberId;
  /** As Meta lists it; undefined: it does not any more. */
  readonly listed: PhoneNumber | undefined;
  readonly health: NumberHealth | undefined;
  /** Since when agents answer it; null: nobody knows any more. */
  readonly boundAt: string | null;
  /** When the first message or call of a customer came; null: none has yet. */
  readonly deliversSince: string | null;
  /** Since when nobody writes although the number has its customers; undefined: it is as lively as ever. */
  readonly silentSince: string | undefined;
  /** Since when Meta refuses whatever it sends for want of a permission; undefined: it does not. */
  readonly refusedSince: string | undefined;
}

export interface Sight {
  readonly account: AccountHealth | null;
  readonly numbers: readonly BoundNumber[];
}

/** How long a bound number may wait for its first message before somebody should look. In milliseconds. */
export const longestAwait = 24 * 60 * 60 * 1000;

export const awaitingCode = 'awaiting-first-message';
export const silentCode = 'number-silent';
export const sendsRefusedCode = 'sends-refused';

/** What nobody was told of when it began: an outage of Meta is over after a day, a credential that Meta says nothing of is not. */
export const unansweredSince = (since: string): Finding => ({
  status: 'degraded',
  reason: {
    code: 'meta-unanswered',
    title: 'Meta has given no verdict on the credential for a day',
    detail:
      'Meta has been asked again and again, and did not answer or with nothing that says how the credential is. Nothing is stopped by that.',
    guidance:
      'See what it answers in the health of the credential (GET …/health, `meta`). Where https://metastatus.com tells of no outage, see in the App Dashboard and in the Meta Business settings whether app, business and account are in order, then have the credential checked.',
    since,
  },
});

export const isUnanswered = (finding: Finding | null): boolean => finding?.reason.code === 'meta-unanswered';

/** All that the last check has found, the worst first. */
export const knownFindings = ({
  finding,
  furtherFindings,
}: Pick<CredentialRecord, 'finding' | 'furtherFindings'>): readonly Finding[] =>
  finding === null ? furtherFindings : [finding, ...furtherFindings];

/** What can be seen, the worst first and the account before its numbers; each number under its worst. None: all is well. */
export const findingsOf = ({ account, numbers }: Sight, now: Date): readonly Finding[] => {
  const found = [ofAccount(account, now), ...ofNumbers(numbers, now)].filter((it) => it !== undefined);
  return found.toSorted((one, other) => ranks[other.status] - ranks[one.status]);
};

const ranks = { connected: 0, degraded: 1, action_required: 2 } as const satisfies Record<Finding['status'], number>;

type Words = Pick<Reason, 'code' | 'title' | 'detail' | 'guidance'>;

const quality = 'Open WhatsApp Manager, Account quality: Meta says there why, and how to appeal.';

/** Whom the account can't send for, and where its user sees why. */
const culprits = {
  APP: {
    code: 'app',
    name: 'the Meta app',
    guidance: 'Open the App Dashboard, Required actions: Meta says there why.',
  },
  BUSINESS: {
    code: 'business',
    name: 'the business',
    guidance: 'Open the Meta Business settings, Security Center and Business Support Home: Meta says there why.',
  },
  WABA: { code: 'account', name: 'the account', guidance: quality },
} as const;
type Culprit = keyof typeof culprits;
const isCulprit = (entity: string | null | undefined): entity is Culprit => entity != null && entity in culprits;

const ofAccount = (account: AccountHealth | null, now: Date): Finding | undefined => {
  const since = now.toISOString();
  const { code, name, guidance } = culprits[isCulprit(account?.entity) ? account.entity : 'WABA'];
  switch (account?.canSend) {
    case 'BLOCKED':
      return {
        status: 'action_required',
        reason: {
          code: `${code}-blocked`,
          title: `Meta lets ${name} send nothing`,
          detail: account.problem ?? 'Meta names no reason.',
          guidance,
          since,
        },
      };
    case 'LIMITED':
      return {
        status: 'degraded',
        reason: {
          code: `${code}-limited`,
          title: `Meta limits what ${name} may send`,
          detail: account.problem ?? 'Meta names no reason.',
          guidance,
          since,
        },
      };
    default:
      return undefined;
  }
};

/** One kind of trouble that a number may have, the worst first: a number is told of under its worst alone. */
interface Trouble {
  readonly status: Finding['status'];
  readonly has: (number: BoundNumber, now: Date) => boolean;
  /** Since when a number has it, where that is known. */
  readonly since?: (number: BoundNumber) => string | null | undefined;
  readonly words: Omit<Words, 'detail'> & { readonly detail: (names: string, problem: string | null) => string };
}

const statusIs = (number: BoundNumber, ...statuses: readonly string[]): boolean =>
  statuses.includes(number.listed?.status ?? '');

const hasWaited = ({ deliversSince, boundAt }: BoundNumber, now: Date): boolean =>
  deliversSince === null && boundAt !== null && now.getTime() - Date.parse(boundAt) >= longestAwait;

const likelyCauses =
  'Likely causes: the Meta app is not live (App Dashboard, App Mode; an app in development gets no messages of customers) · the app is not subscribed to the account (POST …/webhook/repair) · the account or the number is not assigned to the system user of the token (Business settings). Then write to the number from any phone.';

const troubles: readonly Trouble[] = [
  {
    status: 'action_required',
    has: (number) => number.listed === undefined || statusIs(number, 'DELETED'),
    words: {
      code: 'number-gone',
      title: 'A phone number is no longer in the account',
      detail: (names) => `Meta no longer lists ${names}, or calls it deleted.`,
      guidance: 'Let the agents answer another number, or add the number to the account again in WhatsApp Manager.',
    },
  },
  {
    status: 'action_required',
    has: (number) => statusIs(number, 'BANNED'),
    words: {
      code: 'number-banned',
      title: 'Meta has banned a phone number',
      detail: (names) => `Nothing is sent or received through ${names}.`,
      guidance: quality,
    },
  },
  {
    status: 'action_required',
    has: (number) => statusIs(number, 'MIGRATED'),
    words: {
      code: 'number-migrated',
      title: 'A phone number has moved to another account',
      detail: (names) => `${names} belongs to another WhatsApp Business account now, under an id of its own there.`,
      guidance: 'Connect that account as a credential and let the agents answer the number there, then unbind it here.',
    },
  },
  {
    status: 'action_required',
    has: (number) => number.health?.platformType === 'NOT_APPLICABLE' || statusIs(number, 'DISCONNECTED', 'UNVERIFIED'),
    words: {
      code: 'number-not-registered',
      title: 'A phone number is not registered',
      detail: (names) => `${names} can neither send nor receive: it is not registered for the Cloud API.`,
      guidance: 'Register the number with its PIN (POST …/phone-numbers/{phoneNumberId}/register).',
    },
  },
  {
    status: 'action_required',
    has: ({ health }) => health?.canSend === 'BLOCKED',
    words: {
      code: 'number-blocked',
      title: 'Meta lets a phone number send nothing',
      detail: (names, problem) => `${names}: ${problem ?? 'Meta names no reason.'}`,
      guidance: quality,
    },
  },
  {
    status: 'degraded',
    has: ({ refusedSince }) => refusedSince !== undefined,
    since: ({ refusedSince }) => refusedSince,
    words: {
      code: sendsRefusedCode,
      title: 'Meta refuses whatever a phone number sends',
      detail: (names) =>
        `Meta finds token, permissions and account in order, and refuses for want of a right every message that ${names} sends.`,
      guidance:
        'Give the system user of the token full control of the account (Business settings, Accounts, WhatsApp accounts) and of the app, then send a message.',
    },
  },
  {
    status: 'degraded',
    has: (number) => statusIs(number, 'FLAGGED', 'RESTRICTED', 'RATE_LIMITED'),
    words: {
      code: 'number-flagged',
      title: 'Meta has flagged or restricted a phone number',
      detail: (names) => `${names} may send less, and is restricted further if its quality does not recover.`,
      guidance: `Send only what customers have asked for. ${quality}`,
    },
  },
  {
    status: 'degraded',
    has: ({ listed }) => listed?.qualityRating === 'RED',
    words: {
      code: 'number-quality-low',
      title: 'The quality of a phone number is low',
      detail: (names) => `Customers have blocked or reported ${names}; Meta may lower its limits.`,
      guidance: `Send only what customers have asked for. ${quality}`,
    },
  },
  {
    status: 'degraded',
    has: ({ health }) => health?.canSend === 'LIMITED',
    words: {
      code: 'number-limited',
      title: 'Meta limits what a phone number may send',
      detail: (names, problem) => `${names}: ${problem ?? 'Meta names no reason.'}`,
      guidance: quality,
    },
  },
  {
    status: 'degraded',
    has: hasWaited,
    since: ({ boundAt }) => boundAt,
    words: {
      code: awaitingCode,
      title: 'No message has come in yet',
      detail: (names) => `A day after an agent took ${names}, Meta has not delivered a single message.`,
      guidance: likelyCauses,
    },
  },
  {
    status: 'degraded',
    has: ({ silentSince }) => silentSince !== undefined,
    since: ({ silentSince }) => silentSince,
    words: {
      code: silentCode,
      title: 'A phone number is verified but silent',
      detail: (names) => `${names} used to get messages, and has got none for longer than it ever was quiet.`,
      guidance: likelyCauses,
    },
  },
  {
    status: 'connected',
    has: ({ deliversSince }) => deliversSince === null,
    since: ({ boundAt }) => boundAt,
    words: {
      code: awaitingCode,
      title: 'Waiting for the first message',
      detail: (names) => `Nobody has written to ${names} since an agent answers it.`,
      guidance: 'Write to the number from any phone to see that it works.',
    },
  },
];

/** Each kind once, for all numbers that have it. */
const ofNumbers = (numbers: readonly BoundNumber[], now: Date): readonly Finding[] =>
  [...Map.groupBy(numbers, (number) => troubles.find(({ has }) => has(number, now)))].flatMap(([trouble, having]) =>
    trouble === undefined ? [] : [{ status: trouble.status, reason: reasonFor(trouble, having, now) }],
  );

const reasonFor = ({ words, since }: Trouble, numbers: readonly BoundNumber[], now: Date): Reason => ({
  ...words,
  detail: words.detail(
    numbers.map(({ phoneNumberId, listed }) => listed?.displayPhoneNumber ?? `number ${phoneNumberId}`).join(', '),
    numbers.find(({ health }) => health?.problem)?.health?.problem ?? null,
  ),
  since: numbers.flatMap((number) => since?.(number) ?? []).sort()[0] ?? now.toISOString(),
  phoneNumberIds: numbers.map(({ phoneNumberId }) => phoneNumberId),
});
