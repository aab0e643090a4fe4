import { type CorpusDelivery, corpusNames, eventCorpus } from './event-corpus.ts';
import { ids } from './records.ts';

// The corpus as if it were about the numbers of records.ts, in parts, for tests that put bodies together themselves.

type MetaObject = Readonly<Record<string, unknown>>;

export const ada = { waId: '4915112345678', userId: 'DE.13491208655302741918', name: 'Ada Lovelace' } as const;
/** The same customer, known otherwise from now on. */
export const newAda = { waId: '4915187654321', userId: 'DE.99991208655302741999' } as const;
export const groupId = 'Y2FwaV9ncm91cDoxNTU1MDc4Mzg4MToxMjAzNjM0MDQ2OTQyMzM4MjAZD';

/** As webhooks spell the number that records.ts lists as "+1 555 0100". */
export const displayPhoneNumber = '15550100';
export const metadata = { display_phone_number: displayPhoneNumber, phone_number_id: ids.number };
export const contact = { profile: { name: ada.name }, wa_id: ada.waId, user_id: ada.userId };

const ours: Readonly<Record<keyof typeof corpusNames, string>> = {
  wabaId: ids.waba,
  phoneNumberId: ids.number,
  displayPhoneNumber,
  waId: ada.waId,
  userId: ada.userId,
  name: ada.name,
  newWaId: newAda.waId,
  newUserId: newAda.userId,
};

const corpus: readonly CorpusDelivery[] = JSON.parse(
  Object.entries(corpusNames).reduce(
    (text, [what, theirs]) => text.replaceAll(theirs, ours[what as keyof typeof corpusNames]),
    JSON.stringify(eventCorpus),
  ),
) as readonly CorpusDelivery[];

/** Deliveries of a single change. */
const changes = corpus.flatMap((delivery) => {
  const [entry, ...others] = delivery.body.entry;
  const [change, ...more] = entry?.changes ?? [];
  if (entry === undefined || change === undefined || others.length + more.length > 0) return [];
  return [{ ...delivery, ...change, value: change.value as MetaObject, entryId: entry.id }];
});

/** Items of a list, by the name of the delivery in which each stands alone. */
const alone = (prefix: string, list: string, isWanted: (item: MetaObject, value: MetaObject) => boolean) =>
  Object.fromEntries(
    changes.flatMap(({ name, value }) => {
      const [item, ...others] = (value[list] ?? []) as readonly MetaObject[];
      const isAlone = name.startsWith(prefix) && item !== undefined && others.length === 0;
      return isAlone && isWanted(item, value) ? [[name.slice(prefix.length), item] as const] : [];
    }),
  );

/** Items of `messages[]`, by what they show. All are of Ada. */
export const messages: Readonly<Record<string, MetaObject>> = alone(
  'message: ',
  'messages',
  ({ from, from_user_id: fromUserId, type, group_id: group }) =>
    from === ada.waId && fromUserId === ada.userId && type !== 'system' && group === undefined,
);

/** Items of `messages[]` whose identity is the former one. */
const messageNamed = (name: string): MetaObject => {
  const found = changes.find((change) => change.name === `message: ${name}`);
  const [item] = (found?.value.messages ?? []) as readonly MetaObject[];
  if (item === undefined) throw new Error(`The corpus has no message: ${name}`);
  return item;
};
export const changesOfIdentity = {
  user_changed_number: messageNamed('system, new phone number and user id'),
  user_changed_user_id: messageNamed('system, new user id of a number'),
  customer_changed_number: messageNamed('system, new phone number as it was written once'),
} as const;

/** Items of `statuses[]` under the field `messages`, each of a message of its own, to Ada. */
export const statuses: Readonly<Record<string, MetaObject>> = alone(
  'status: ',
  'statuses',
  (status) => (status.recipient_participant_user_id ?? status.recipient_user_id) === ada.userId,
);

export const calls: Readonly<Record<string, MetaObject>> = alone('calls: ', 'calls', () => true);
export const callStatuses: Readonly<Record<string, MetaObject>> = alone('calls: ', 'statuses', () => true);
export const echoes: Readonly<Record<string, MetaObject>> = alone('smb_message_echoes: ', 'message_echoes', () => true);

export interface FieldExample {
  readonly title: string;
  readonly field: string;
  readonly value: MetaObject;
  /** How the events in it are handled, one for each event. */
  readonly kinds: CorpusDelivery['kinds'];
  /** How it names the number: by its id, as it is shown, or not at all. */
  readonly names: 'id' | 'display' | 'none';
  /** It changes our picture of the credential. */
  readonly isNews: boolean;
  /** `entry.id`, where it is not the account. */
  readonly entryId?: string;
}

/** Each example of each field. */
export const fieldExamples: readonly FieldExample[] = changes.map(
  ({ name, field, value, kinds, isNews = false, entryId }) => ({
    title: name,
    field,
    value,
    kinds,
    names: JSON.stringify(value).includes(ids.number)
      ? 'id'
      : value.display_phone_number === displayPhoneNumber || value.phone_number === displayPhoneNumber
        ? 'display'
        : 'none',
    isNews,
    ...(entryId === ids.waba ? {} : { entryId }),
  }),
);

/** The body of a delivery with these changes. */
export const bodyOf = (
  told: readonly { readonly field: string; readonly value: MetaObject }[],
  entryId: string = ids.waba,
) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: entryId, time: 1_795_341_600, changes: told.map(({ field, value }) => ({ field, value })) }],
});

/** A change of the field `messages` with these items. */
export const messagesChange = (items: readonly MetaObject[], contacts: readonly MetaObject[] = [contact]) => ({
  field: 'messages',
  value: { messaging_product: 'whatsapp', metadata, contacts, messages: items },
});
export const statusesChange = (items: readonly MetaObject[]) => ({
  field: 'messages',
  value: { messaging_product: 'whatsapp', metadata, statuses: items },
});
