import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { TenantId } from '../contracts/ids.ts';
import { type NotificationsRecord, notificationsRecord } from '../domain/records.ts';
import type { Ticket } from '../domain/work.ts';
import type { AuditPut } from './audit-log.ts';
import { directoryKey } from './directory-keys.ts';
import { directoryReader } from './directory-reader.ts';
import { ticketPut } from './ticket-store.ts';
import { failedItems } from './transactions.ts';

/** Where the alerts of tenants go. @throws {Fault} store-unavailable, row-malformed */
export const notificationReader = (client: DynamoDBDocumentClient, table: string) => ({
  find: (tenantId: TenantId): Promise<NotificationsRecord | undefined> =>
    directoryReader(client, table).get(directoryKey.notifications(tenantId), notificationsRecord),
});
export type NotificationReader = ReturnType<typeof notificationReader>;

/** Whoever redirects the alerts of a tenant, or silences them, leaves a line in its audit. */
const auditSubject = 'notifications';

/** Changes where they go. @throws {Fault} store-unavailable, row-malformed */
export const notificationStore = (client: DynamoDBDocumentClient, table: string, audit: AuditPut) => ({
  ...notificationReader(client, table),

  /** With the ticket of the work that it makes necessary. False when somebody else has changed it since `version` was read. */
  async save(record: NotificationsRecord, version: number, ticket: Ticket): Promise<boolean> {
    const put = firstNotificationsPut(table, record).Put;
    const change =
      version === 0
        ? put
        : { ...put, ConditionExpression: 'version = :known', ExpressionAttributeValues: { ':known': version } };
    const line = audit(
      { tenantId: record.tenantId, subjectId: auditSubject },
      { action: 'update', outcome: 'ok', about: ['destinations'] },
    );
    return (await failedItems(client, [{ Put: change }, ticketPut(table, ticket), line])) === undefined;
  },
});

export type NotificationStore = ReturnType<typeof notificationStore>;

/** Where the alerts go while nobody has said otherwise: for the transaction that knows an address. */
export const firstNotificationsPut = (table: string, record: NotificationsRecord) => ({
  Put: {
    TableName: table,
    Item: { ...directoryKey.notifications(record.tenantId), ...record },
    ConditionExpression: 'attribute_not_exists(pk)',
  },
});
