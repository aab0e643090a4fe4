import { randomInt } from 'node:crypto';
import { requestCallback } from './callback-request.ts';
import { GraphError } from './errors.ts';

// Digits of Meta's sample challenges.
const CHALLENGE_FLOOR = 100_000_000;
const CHALLENGE_CEILING = 2_000_000_000;

/**
 * Meta's check of a callback before it stores it: GET with hub.mode, hub.challenge and hub.verify_token, to be answered
 * 200 with the challenge as the whole body. @throws GraphError 2200
 */
export async function verifyCallback(
  url: string,
  verifyToken: string,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<void> {
  const challenge = String(randomInt(CHALLENGE_FLOOR, CHALLENGE_CEILING));
  const query = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.challenge': challenge,
    'hub.verify_token': verifyToken,
  });
  const separator = url.includes('?') ? '&' : '?';
  const answer = await requestCallback(`${url}${separator}${query}`, { method: 'GET' }, timeoutMs, closing);
  if (!answer.answered) throw refusal(`curl_errno = ${answer.curlErrno}; curl_error = ${answer.curlError}`);
  if (answer.status !== 200) throw refusal(`HTTP Status Code = ${answer.status}; HTTP Message = ${answer.statusText}`);
  if (answer.body !== challenge)
    throw refusal('HTTP Status Code = 200; HTTP Message = response does not match challenge');
}

function refusal(reason: string): GraphError {
  return new GraphError({
    status: 400,
    type: 'OAuthException',
    code: 2200,
    message: `(#2200) Callback verification failed with the following errors: ${reason}`,
  });
}
