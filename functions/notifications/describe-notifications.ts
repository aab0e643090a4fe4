import { apiRoute } from '../edge/api-lambda.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { viewNotifications } from './view-notifications.ts';

/** Where the alerts of the caller's tenant go, and which of these addresses are confirmed. */
export const describeNotificationsRoute = apiRoute({
  routeKey: 'GET /v1/notifications',
  run: ({ caller }) =>
    viewNotifications(caller.tenantId, {
      notifications: ports.notifications(),
      topics: ports.tenantTopicReader(),
      journal,
    }),
});
