import { apiLambda } from '../edge/api-lambda.ts';
import { describeActivityRoute } from './describe-activity.ts';
import { showDashboardRoute } from './show-dashboard.ts';

/** What went through the credentials of a tenant. Cannot open a secret, and knows nothing of what was said. */
export const handler = apiLambda([describeActivityRoute, showDashboardRoute]);
