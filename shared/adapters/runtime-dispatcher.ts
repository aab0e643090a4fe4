import { InvokeCommand, type LambdaClient, TooManyRequestsException } from '@aws-sdk/client-lambda';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { AgentEvent } from '../contracts/agent-event.ts';
import { maxAnswerBytes, outcomeOf } from '../domain/agent-answer.ts';
import { type Dispatcher, type DispatchOutcome, dispatchTimeout } from '../domain/dispatch.ts';
import { jsonOf } from '../domain/json.ts';
import { signedEvent } from './signed-event.ts';

/** By the kind of target. Where the operator has set no runtime, an agent that wants it fails: its events wait for one. */
export const dispatcherByTarget = (https: Dispatcher, platform: Dispatcher | undefined): Dispatcher => ({
  async dispatch(binding, event, signingSecrets) {
    if (binding.target.type === 'https') return https.dispatch(binding, event, signingSecrets);
    return platform?.dispatch(binding, event, signingSecrets) ?? { outcome: 'failed', reason: 'no-runtime' };
  },
});

const failed = (reason: string): DispatchOutcome => ({ outcome: 'failed', reason });

/** What the function answers: the same as an agent that is asked by HTTPS, in the form that API Gateway takes. */
const functionAnswer = z.object({
  statusCode: z.int().min(100).max(599),
  body: z.string().nullish(),
  headers: z.record(z.string(), z.unknown()).nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/** Invokes the platform's function with the request that an HTTPS agent would get, and judges what it answers in the same way. */
export const functionRuntime = (client: LambdaClient, functionArn: string): Dispatcher => ({
  async dispatch(_binding, event, signingSecrets) {
    const { headers, body } = signedEvent(event, signingSecrets);
    const signal = AbortSignal.timeout(dispatchTimeout);
    const Payload = Buffer.from(JSON.stringify({ headers: { 'content-type': 'application/json', ...headers }, body }));
    const command = new InvokeCommand({ FunctionName: functionArn, InvocationType: 'RequestResponse', Payload });
    try {
      const answer = await client.send(command, { abortSignal: signal });
      // What it says of an error of its own may quote the event: nothing of it is looked at.
      return answer.FunctionError === undefined ? outcomeOfFunction(answer.Payload) : failed('function-error');
    } catch (error) {
      if (signal.aborted) return failed('timeout');
      return failed(error instanceof TooManyRequestsException ? 'runtime-busy' : 'runtime-unavailable');
    }
  },
});

const outcomeOfFunction = (payload: Uint8Array = new Uint8Array()): DispatchOutcome => {
  const answer = functionAnswer.safeParse(jsonOf(payload));
  if (!answer.success) return failed('answer-malformed');
  const { statusCode: httpStatus, body, headers, isBase64Encoded } = answer.data;
  const bytes = Buffer.from(body ?? '');
  if (bytes.byteLength > maxAnswerBytes) return failed('answer-too-large');
  const retryAfter = headers?.['retry-after'];
  return outcomeOf({
    httpStatus,
    body: bytes,
    isEncoded: isBase64Encoded === true,
    retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
  });
};

/** A message with its attributes. The queue takes no more ("Amazon SQS message quotas"). In bytes. */
const maxMessageBytes = 1024 * 1024;

/**
 * Puts the event into the platform's queue, its signature in attributes: that counts as a 202. A FIFO queue keeps the order of a
 * conversation, and what is handed over again within five minutes once.
 */
export const queueRuntime = (client: SQSClient, queueUrl: string): Dispatcher => ({
  async dispatch(_binding, event, signingSecrets) {
    const { headers, body } = signedEvent(event, signingSecrets);
    const attributes = Object.entries(headers);
    const size = [body, ...attributes.flat()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (size > maxMessageBytes) return { outcome: 'refused', httpStatus: 413 };
    const command = new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: body,
      MessageAttributes: Object.fromEntries(
        attributes.map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
      ...(queueUrl.endsWith('.fifo')
        ? { MessageGroupId: groupOf(event), MessageDeduplicationId: event.data.eventId }
        : {}),
    });
    const signal = AbortSignal.timeout(dispatchTimeout);
    try {
      await client.send(command, { abortSignal: signal });
      return { outcome: 'answered', replies: [] };
    } catch {
      return failed(signal.aborted ? 'timeout' : 'runtime-unavailable');
    }
  },
});

/** What is about the number itself belongs to no conversation. */
const groupOf = ({ data }: AgentEvent): string => data.conversation?.id ?? data.phoneNumberId;
