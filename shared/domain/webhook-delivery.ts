import * as z from 'zod';
import type { Customer } from '../contracts/agent-event.ts';
import type { EventKind } from '../contracts/queued-events.ts';

type MetaObject = Readonly<Record<string, unknown>>;

/** One thing that Meta reports: a message, a status, a notice. Unknown fields and types are reports too, never errors. */
export interface ReportedEvent {
  /** `history` is what was said before the account was connected: never dispatched. */
  readonly kind: Exclude<EventKind, 'failure'> | 'history';
  /** `entry.id`: usually the WhatsApp Business Account. */
  readonly wabaId: string;
  readonly field: string;
  readonly phoneNumberId: string | null;
  /** Meta's own id of it, null where it has none. */
  readonly metaId: string | null;
  readonly entryTime: string | null;
  readonly customer: Customer;
  readonly value: MetaObject;
}

const object = z.record(z.string(), z.unknown());
const list = z.array(object).catch([]);
const text = z
  .union([z.string(), z.number().transform(String)])
  .nullable()
  .catch(null)
  .default(null);
const entries = z.object({
  entry: z.array(z.object({ id: text, time: text, changes: list })),
});

/** What a delivery must look like at the least; a body that is not even that is not Meta's. */
export const parseDelivery = (rawBody: Uint8Array): readonly ReportedEvent[] | undefined => {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(rawBody.buffer, rawBody.byteOffset, rawBody.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
  const delivery = entries.safeParse(json);
  if (!delivery.success) return undefined;
  return delivery.data.entry.flatMap((entry) =>
    entry.changes.flatMap((change) => {
      const value = object.catch({}).parse(change.value);
      const common = {
        wabaId: entry.id ?? '',
        entryTime: entry.time,
        field: text.parse(change.field) ?? '',
        phoneNumberId: phoneNumberIdOf(value),
      };
      return reportsOf(common.field, value).map((report) => ({ ...common, ...report }));
    }),
  );
};

type Report = Pick<ReportedEvent, 'kind' | 'metaId' | 'customer' | 'value'>;

/** Walks every list that Meta is known to use; a value without any of them is one report by itself. */
const reportsOf = (field: string, value: MetaObject): readonly Report[] => {
  if (field === 'history') return [{ kind: 'history', metaId: null, customer: nobody, value }];
  const contacts = list.parse(value.contacts);
  const reports: Report[] = [
    ...list.parse(value.messages).map((message) => ({
      kind: 'message' as const,
      metaId: text.parse(message.id),
      customer: customerOf(contacts, message.from, message.from_user_id, message.group_id),
      value: message,
    })),
    ...list.parse(value.statuses).map((status) => ({
      kind: field === 'calls' ? ('call' as const) : ('status' as const),
      metaId: joined(status.id, status.status),
      customer:
        status.recipient_type === 'group'
          ? customerOf([], undefined, undefined, status.recipient_id)
          : customerOf(contacts, status.recipient_id, status.recipient_user_id, undefined),
      value: status,
    })),
    ...list.parse(value.message_echoes).map((echo) => ({
      kind: 'echo' as const,
      metaId: text.parse(echo.id),
      customer: customerOf(contacts, echo.to, echo.to_user_id, echo.group_id),
      value: echo,
    })),
    ...list.parse(value.calls).map((call) => ({
      kind: 'call' as const,
      metaId: joined(call.id, call.event),
      customer:
        call.direction === 'BUSINESS_INITIATED'
          ? customerOf(contacts, call.to, call.to_user_id, undefined)
          : customerOf(contacts, call.from, call.from_user_id, undefined),
      value: call,
    })),
    ...list
      .parse(value.errors)
      .map((error) => ({ kind: 'account' as const, metaId: null, customer: nobody, value: error })),
  ];
  return reports.length > 0 ? reports : [{ kind: 'account', metaId: null, customer: nobody, value }];
};

const nobody: Customer = { waId: null, userId: null, groupId: null, name: null };

/** `from`, `wa_id`, `contacts`, `profile`: each may be absent (username users, failed statuses, system messages). */
const customerOf = (contacts: readonly MetaObject[], from: unknown, userId: unknown, groupId: unknown): Customer => {
  const waId = text.parse(from);
  const user = text.parse(userId);
  const contact =
    contacts.find(
      (candidate) => (user !== null && candidate.user_id === user) || (waId !== null && candidate.wa_id === waId),
    ) ?? (contacts.length === 1 ? contacts[0] : undefined);
  const profile = object.catch({}).parse(contact?.profile);
  return {
    waId: waId ?? text.parse(contact?.wa_id),
    userId: user ?? text.parse(contact?.user_id),
    groupId: text.parse(groupId),
    name: text.parse(profile.name),
  };
};

const phoneNumberIdOf = (value: MetaObject): string | null => {
  const metadata = object.catch({}).parse(value.metadata ?? value.phone_number_settings);
  return text.parse(metadata.phone_number_id);
};

const joined = (id: unknown, state: unknown): string | null => {
  const known = text.parse(id);
  return known === null ? null : `${known}:${text.parse(state) ?? ''}`;
};
