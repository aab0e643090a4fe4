import { apiLambda } from '../edge/api-lambda.ts';
import { listHeldRoute } from './list-held.ts';
import { discardHeldRoute, replayHeldRoute } from './release-held.ts';

export const handler = apiLambda([listHeldRoute, replayHeldRoute, discardHeldRoute]);
