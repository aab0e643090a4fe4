import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

export const context = (remaining = 29_000): Context => ({ getRemainingTimeInMillis: () => remaining }) as Context;

/** A token as the gateway lets it through: verified, so its signature does not matter here. */
export const bearer = (claims: object): string =>
  `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

export const httpEvent = (change: {
  readonly routeKey?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly pathParameters?: Record<string, string>;
  readonly queryStringParameters?: Record<string, string>;
  readonly requestId?: string;
}): APIGatewayProxyEventV2 =>
  ({
    routeKey: '$default',
    headers: {},
    isBase64Encoded: false,
    requestContext: { requestId: change.requestId ?? 'request-1' },
    ...change,
  }) as unknown as APIGatewayProxyEventV2;
