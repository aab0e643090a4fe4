import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { actingAlone } from './invocation.ts';
import { journal, publishCounts, safeError } from './operator-journal.ts';
import { rawBodyOf } from './request-parsing.ts';

/** A request on a webhook URL, nothing of it believed yet. */
export interface WebhookRequest {
  readonly webhookId: string | undefined;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly rawBody: Uint8Array;
  readonly signature: string | undefined;
}

/** Fixed answers: whoever probes a webhook learns nothing from them. */
export type WebhookAnswer =
  | { readonly status: 200 | 400 | 401 | 403 | 404 | 429 | 500 }
  | { readonly challenge: string };

const bodies = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Not accepted',
};

/** A Lambda that serves Meta: no JWT, raw bytes, plain text. Whatever goes wrong is a 500, so that Meta repeats. */
export const webhookLambda = (serve: (request: WebhookRequest) => Promise<WebhookAnswer>) =>
  middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
    .use({
      after: ({ response }) => {
        if (response?.statusCode === 500) journal.count('WebhookFailed');
        publishCounts();
      },
      onError: (request) => {
        journal.error('webhook-failed', { routeKey: request.event.routeKey, ...safeError(request.error) });
        journal.count('UnhandledError');
        journal.count('WebhookFailed');
        publishCounts();
        request.response = plain(500, bodies[500]);
      },
    })
    .handler(async (event: APIGatewayProxyEventV2) => {
      const answer = await actingAlone(event.requestContext.requestId, () =>
        serve({
          webhookId: event.pathParameters?.webhookId,
          query: event.queryStringParameters ?? {},
          rawBody: rawBodyOf(event),
          signature: event.headers['x-hub-signature-256'],
        }),
      );
      return 'challenge' in answer ? plain(200, answer.challenge) : plain(answer.status, bodies[answer.status]);
    });

const plain = (statusCode: number, body: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode,
  headers: {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  },
  body,
});
