import type { NotificationReader } from '../../shared/adapters/notification-store.ts';
import type { TenantTopicReader } from '../../shared/adapters/sns-topics.ts';
import type { TenantId } from '../../shared/contracts/ids.ts';
import type { Notifications } from '../../shared/contracts/notification.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import type { NotificationsRecord } from '../../shared/domain/records.ts';
import { isSame } from '../../shared/domain/tell-alert.ts';
import type { Answer } from '../edge/answer.ts';
import { safeError } from '../edge/operator-journal.ts';

export interface ViewNotificationsPorts {
  readonly notifications: NotificationReader;
  readonly topics: TenantTopicReader;
  readonly journal: Journal;
}

/** Where a tenant's alerts go, and whether SNS has heard from there. SNS being away costs only that. */
export const viewNotifications = async (tenantId: TenantId, ports: ViewNotificationsPorts): Promise<Answer> => {
  const record = await ports.notifications.find(tenantId);
  const body: Notifications = {
    version: record?.version ?? 0,
    destinations: record === undefined ? [] : await withConfirmations(record, ports),
    updatedAt: record?.updatedAt ?? null,
  };
  return { kind: 'ok', body, version: body.version };
};

const withConfirmations = async (
  { tenantId, destinations }: NotificationsRecord,
  ports: ViewNotificationsPorts,
): Promise<Notifications['destinations']> => {
  try {
    const present = (await ports.topics.subscriptions(tenantId)) ?? [];
    return await Promise.all(
      destinations.map(async (destination) => {
        const arn = present.find((it) => isSame(it.destination, destination))?.arn ?? null;
        return { ...destination, confirmed: arn !== null && (await ports.topics.isConfirmed(arn)) };
      }),
    );
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'topic-unavailable')) throw error;
    ports.journal.warn('confirmations-unknown', { tenantId, ...safeError(error) });
    return destinations.map((destination) => ({ ...destination, confirmed: null }));
  }
};
