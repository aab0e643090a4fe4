import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type Problem, problems } from '../../shared/contracts/problem.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';

/** RFC 9457. The only place where a refusal becomes a status code. */
export const problemResponse = (refused: Refused, requestId: string): APIGatewayProxyStructuredResultV2 => {
  const { status, title } = problems[refused.refused];
  const body: Problem = {
    type: `urn:switchboard:problem:${refused.refused}`,
    code: refused.refused,
    title,
    status,
    ...refused.details,
    instance: refused.details.instance ?? `urn:switchboard:request:${requestId}`,
  };
  const { retryAfterSeconds } = refused.details;
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      // RFC 9110, section 11.6.1.
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: JSON.stringify(body),
  };
};

/** What a caller learns of a broken promise: whether to repeat. */
export const refusalOfFault = (error: unknown): Refused => {
  if (!(error instanceof Fault) || !error.retryable)
    return refuse('internal-error', {
      guidance: 'Repeat the request; if it fails again, name the instance to the operator.',
    });
  return refuse('service-unavailable', { guidance: 'Repeat the request in a few seconds.', retryAfterSeconds: 5 });
};
