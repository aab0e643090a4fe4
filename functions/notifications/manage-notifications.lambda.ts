import { apiLambda } from '../edge/api-lambda.ts';
import { describeNotificationsRoute } from './describe-notifications.ts';
import { putNotificationsRoute } from './put-notifications.ts';

export const handler = apiLambda([describeNotificationsRoute, putNotificationsRoute]);
