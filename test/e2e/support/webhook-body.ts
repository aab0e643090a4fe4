import { randomUUID } from 'node:crypto';

/** One text message as Meta reports it. */
export interface Told {
  readonly phoneNumberId: string;
  readonly from: string;
  readonly text: string;
  readonly wamid?: string;
}

/** A change of Meta's for one message. */
export const messageChange = ({ phoneNumberId, from, text, wamid = `wamid.${randomUUID()}` }: Told) => ({
  field: 'messages',
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100', phone_number_id: phoneNumberId },
    contacts: [{ profile: { name: 'Ada' }, wa_id: from }],
    messages: [
      { from, id: wamid, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: text } },
    ],
  },
});

/** A whole webhook body: one entry per account. */
export const webhookBody = (
  ...entries: readonly { readonly wabaId: string; readonly changes: readonly object[] }[]
) => ({
  object: 'whatsapp_business_account',
  entry: entries.map(({ wabaId, changes }) => ({ id: wabaId, time: Math.floor(Date.now() / 1000), changes })),
});
