import type { NotificationStore } from '../../shared/adapters/notification-store.ts';
import { type TargetRules, targetRefusal } from '../../shared/adapters/public-host.ts';
import { type PutNotificationsRequest, putNotificationsRequest } from '../../shared/contracts/notification.ts';
import type { FieldError } from '../../shared/contracts/problem.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import { newTicket, type Tickets, type WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute, versionProblem } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { type ViewNotificationsPorts, viewNotifications } from './view-notifications.ts';

export interface PutNotificationsPorts extends ViewNotificationsPorts {
  readonly notifications: NotificationStore;
  readonly tickets: Pick<Tickets, 'find'>;
  readonly queues: WorkQueues;
  readonly targetRules: TargetRules;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** How long an answer waits for SNS to have been told, how often it looks, and what it leaves for itself. In milliseconds. */
const patience = 4_000;
const pollInterval = 200;
const answerReserve = 3_000;

/** Whoever sends `*` wants it whatever is there: two such at once come one after the other. */
const maxRaces = 4;

/**
 * Replaces the destinations of a tenant's alerts. SNS asks the owner of each new one, and nothing is told there before they have said yes;
 * what is left out gets nothing more.
 */
export const putNotifications = async (
  { tenantId, subject }: Caller,
  { destinations }: PutNotificationsRequest,
  ifMatch: string | undefined,
  timeLeft: () => number,
  ports: PutNotificationsPorts,
): Promise<Answer | Refused> => {
  for (let race = 1; race <= maxRaces; race++) {
    const version = (await ports.notifications.find(tenantId))?.version ?? 0;
    const unmet = versionProblem(ifMatch, version) ?? (await endpointProblem(destinations, ports));
    if (unmet) return unmet;
    const now = ports.now();
    const ticket = newTicket({ kind: 'subscribe', tenantId }, now);
    const record = {
      tenantId,
      version: version + 1,
      destinations,
      updatedAt: now.toISOString(),
      decidedBy: subject,
    };
    if (!(await ports.notifications.save(record, version, ticket))) continue;
    if (await handOverWork(ticket, ports)) await workedOff(ticket.id, timeLeft, ports);
    return viewNotifications(tenantId, ports);
  }
  return refuse('conflict', { guidance: 'Read it again and repeat the change.', retryAfterSeconds: 1 });
};

/** The same rules as for agents: nobody may have our addresses knock at an inner network. */
const endpointProblem = async (
  destinations: PutNotificationsRequest['destinations'],
  { targetRules }: PutNotificationsPorts,
): Promise<Refused | undefined> => {
  const found = await Promise.all(
    destinations.map(async ({ protocol, endpoint }, index): Promise<FieldError[]> => {
      const message = protocol === 'https' ? await targetRefusal(endpoint, targetRules) : undefined;
      return message === undefined ? [] : [{ pointer: `/destinations/${index}/endpoint`, message }];
    }),
  );
  const errors = found.flat();
  return errors.length === 0
    ? undefined
    : refuse('target-refused', { errors, guidance: 'Use an https URL of a public host.' });
};

const workedOff = async (ticket: string, timeLeft: () => number, ports: PutNotificationsPorts): Promise<void> => {
  const limit = Math.min(patience, timeLeft() - answerReserve);
  for (let waited = 0; waited < limit; waited += pollInterval) {
    if ((await ports.tickets.find(ticket)) === undefined) return;
    await ports.sleep(pollInterval);
  }
};

export const putNotificationsRoute = apiRoute({
  routeKey: 'PUT /v1/notifications',
  body: putNotificationsRequest,
  run: ({ caller, body, ifMatch, timeLeft }) =>
    putNotifications(caller, body, ifMatch, timeLeft, {
      notifications: ports.notificationChanges(),
      topics: ports.tenantTopicReader(),
      tickets: ports.tickets(),
      queues: ports.workQueues(),
      targetRules: ports.targetRules(),
      journal,
      now: () => new Date(),
      sleep: (milliseconds) => new Promise((wake) => setTimeout(wake, milliseconds)),
    }),
});
