import { apiLambda } from '../edge/api-lambda.ts';
import { discardHeldRoute, replayHeldRoute } from './decide-held.ts';
import { listHeldRoute } from './list-held.ts';

export const handler = apiLambda([listHeldRoute, replayHeldRoute, discardHeldRoute]);
