import { Construct } from 'constructs';
import { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import type { PublicApi } from './public-api.ts';

export interface PlatformPagesProps extends HouseProps {
  readonly api: PublicApi;
}

/** What anybody may see: that the API lives, its contract, and a proper 404 for everything else. */
export class PlatformPages extends Construct {
  constructor(scope: Construct, id: string, props: PlatformPagesProps) {
    super(scope, id);
    const { api, ...house } = props;
    const serve = new HandlerFunction(this, 'ServePlatform', {
      ...house,
      description: 'Answers liveness, the OpenAPI file and unknown routes; may do nothing else',
    });
    api.serveEverybody(
      serve,
      'Liveness, contract and 404 hold nothing that a token would protect.',
      'GET /health',
      'GET /openapi.json',
      '$default',
    );
  }
}
