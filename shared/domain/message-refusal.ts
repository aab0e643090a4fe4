import { type MetaErrorText, metaErrorLinks } from '../contracts/meta-errors.ts';
import type { GraphFailure } from './graph.ts';
import { explainMetaError, metaOf } from './meta-errors.ts';
import { type Refused, refuse } from './outcome.ts';
import type { MessageRecord } from './sent-message.ts';

/** Meta or the line is out of order: nothing to be learnt from, soon over. In seconds. */
const shortPause = 5;

/** Meta's code for a free-form message outside the customer service window. */
const reengagement = 131_047;

type RefusedByMeta = Extract<GraphFailure, { kind: 'refused' }>;

const textOf = ({ code, subcode }: RefusedByMeta): MetaErrorText => explainMetaError(code, subcode);

/**
 * What Meta would refuse outside the customer service window, without having been asked: so without `meta`. Once the customer writes again it would be
 * taken.
 */
export const windowClosed = (): Refused => {
  const { category, explanation, guidance } = explainMetaError(reengagement);
  return {
    ...refuse('message-refused', { detail: explanation, guidance, link: metaErrorLinks[category] }),
    isJudgedAnew: true,
  };
};

/** It may succeed at once, and nothing has taken effect. */
export const isWorthRepeating = (failure: GraphFailure): boolean =>
  failure.kind === 'not-sent' || (failure.kind === 'refused' && textOf(failure).retry === 'now');

/** What is written down of a message that Meta has not taken. */
export const failureOf = (failure: GraphFailure): MessageRecord['failure'] => {
  if (failure.kind !== 'refused')
    return { code: null, explanation: 'Meta could not be reached.', guidance: 'Send it again.', retry: 'now' };
  const { explanation, guidance, retry } = textOf(failure);
  return { code: failure.code, explanation, guidance, retry };
};

/** What the caller learns of it: why, what to do, when to try again. */
export const refusalOf = (failure: Exclude<GraphFailure, { kind: 'unknown-outcome' }>): Refused => {
  if (failure.kind === 'not-sent')
    return refuse('meta-unreachable', {
      detail: 'Meta could not be reached. Nothing was sent.',
      guidance: 'Repeat the request in a few seconds.',
      retryAfterSeconds: shortPause,
    });
  const { category, explanation, guidance, retry, retryAfterSeconds } = textOf(failure);
  const details = {
    detail: explanation,
    guidance,
    link: metaErrorLinks[category],
    meta: metaOf(failure),
  };
  if (retry === 'now' || failure.refusal === 'temporary')
    return refuse('meta-unreachable', { ...details, retryAfterSeconds: retryAfterSeconds ?? shortPause });
  if (retry === 'later')
    return refuse('message-limited', { ...details, retryAfterSeconds: retryAfterSeconds ?? shortPause });
  return refuse('message-refused', details);
};

/** The same of what may be asked again whatever has become of it: done twice it is the same. */
export const refusalOfRepeatable = (failure: GraphFailure): Refused =>
  refusalOf(failure.kind === 'unknown-outcome' ? { kind: 'not-sent' } : failure);
