import { publishAlert, subscribe, tellOperators } from '../../shared/domain/tell-alert.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { workLambda } from '../edge/work-lambda.ts';

/** Publishes alerts, and keeps the subscriptions of tenants as the tenants want them. */
export const handler = workLambda((work) => {
  const shared = { notifications: ports.notifications(), topics: ports.tenantTopics(), journal };
  switch (work.kind) {
    case 'publish-alert':
      return publishAlert(work, { ...shared, publisher: ports.alertPublisher() });
    case 'tell-operators':
      return tellOperators(work.notice, { journal, publisher: ports.alertPublisher() });
    case 'subscribe':
      return subscribe(work.tenantId, shared);
    default:
      throw new RangeError('Not work of this function');
  }
});
