import * as z from 'zod';
import type { MessageFailure } from '../contracts/agent-event.ts';
import type { EventId } from '../contracts/ids.ts';
import {
  invisible,
  type MetaErrorText,
  type MetaReason,
  metaErrorFamilies,
  metaErrors,
  never,
  tokenErrors,
  unknownMetaError,
} from '../contracts/meta-errors.ts';
import type { GraphFailure } from './graph.ts';
import { quotable } from './quotable.ts';

const texts = new Map(metaErrors.flatMap(([codes, text]) => codes.map((code) => [code, text] as const)));

/** A code of Meta's in the words of our catalogue. */
export const metaReason = (code: number, subcode?: number): MetaReason => {
  const { title, explanation, guidance } = explainMetaError(code, subcode);
  return { code, title, explanation, guidance };
};

/** What an error of Meta means and what to do about it. Every code has an answer, known or not. */
export const explainMetaError = (code: number, subcode?: number): MetaErrorText => {
  const ofSubcode =
    code === 190 ? tokenErrors.get(subcode ?? 0) : code === 100 && subcode === 33 ? invisible : undefined;
  return (
    ofSubcode ??
    texts.get(code) ??
    metaErrorFamilies.find(([from, to]) => code >= from && code <= to)?.[2] ??
    unknownMetaError
  );
};

/** What Meta has said, as whoever was refused is told. */
export const metaOf = ({ code, subcode, fbtraceId, details }: Extract<GraphFailure, { kind: 'refused' }>) => ({
  code,
  ...(subcode === undefined ? {} : { subcode }),
  ...(fbtraceId === undefined ? {} : { fbtraceId }),
  ...(details === undefined ? {} : { details }),
});

/** Which reply it is about. All null for what no reply of an agent was. */
export interface FailedReply {
  readonly inReplyTo: EventId | null;
  readonly index: number | null;
}

/** A reply that Meta did not take, or of which nobody knows. */
export const failureOfReply = (reply: FailedReply, failure: GraphFailure): MessageFailure => {
  const about = { wamid: null, inReplyTo: reply.inReplyTo, index: reply.index };
  switch (failure.kind) {
    case 'refused': {
      const { code, subcode } = failure;
      const meta = metaOf(failure);
      return { outcome: 'refused', ...about, meta, ...wordsOf(explainMetaError(code, subcode)) };
    }
    case 'not-sent':
      return { outcome: 'refused', ...about, meta: null, ...wordsOf(unreachable) };
    case 'unknown-outcome':
      return { outcome: 'unknown', ...about, meta: null, ...wordsOf(doubtful) };
    default:
      return failure satisfies never;
  }
};

const unreachable: MetaErrorText = {
  category: 'outage',
  title: 'Meta could not be reached',
  explanation: 'The message was not sent: Meta could not be reached.',
  guidance: 'Send it again.',
  retry: 'now',
};

const doubtful = never(
  'outage',
  'Nobody knows whether it was sent',
  'The connection to Meta broke while the message was being sent. It may have reached the customer.',
  'Do not send it again by itself. If it was sent, its status events tell.',
);

const wordsOf = ({ explanation, guidance, retry }: MetaErrorText) => ({ explanation, guidance, retry });

/** A `failed` out of statuses[], as far as it is read. Older versions have the details one level higher. */
const failedStatus = z.object({
  id: z.string().optional().catch(undefined),
  errors: z
    .array(
      z.object({
        code: z.number(),
        details: z.string().optional().catch(undefined),
        error_data: z.object({ details: z.string().optional() }).optional().catch(undefined),
      }),
    )
    .min(1)
    .optional()
    .catch(undefined),
});

/** A message that Meta took and could not deliver, of what its status says. */
export const failureOfStatus = (reply: FailedReply, status: Readonly<Record<string, unknown>>): MessageFailure => {
  const { id, errors } = failedStatus.parse(status);
  const error = errors?.[0];
  const about = { wamid: id ?? null, inReplyTo: reply.inReplyTo, index: reply.index };
  if (error === undefined || !Number.isSafeInteger(error.code))
    return { outcome: 'failed', ...about, meta: null, ...wordsOf(unknownMetaError) };
  const details = quotable(error.error_data?.details ?? error.details);
  return {
    outcome: 'failed',
    ...about,
    meta: { code: error.code, ...(details === undefined ? {} : { details }) },
    ...wordsOf(explainMetaError(error.code)),
  };
};
