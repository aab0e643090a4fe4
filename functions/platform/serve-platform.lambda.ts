import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import openapi from '../../docs/openapi.json' with { type: 'json' };
import { refuse } from '../../shared/domain/outcome.ts';
import { problemResponse } from '../edge/problem-response.ts';

/** Liveness, the OpenAPI description, and a clear 404 for everything that is no route. */
export const handler = (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  switch (event.routeKey) {
    case 'GET /health':
      return Promise.resolve(json({ status: 'ok' }, 'no-store'));
    case 'GET /openapi.json':
      return Promise.resolve(json(openapi, 'public, max-age=300'));
    default:
      return Promise.resolve(
        problemResponse(
          refuse('not-found', { guidance: 'The OpenAPI description at /openapi.json lists every route.' }),
          event.requestContext.requestId,
        ),
      );
  }
};

const json = (body: object, cacheControl: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json', 'cache-control': cacheControl },
  body: JSON.stringify(body),
});
