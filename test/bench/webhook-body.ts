import { createHmac } from 'node:crypto';

export interface TextMessage {
  readonly wamid: string;
  readonly wabaId: string;
  readonly phoneNumberId: string;
  /** Who writes: the phone number without "+". */
  readonly from: string;
}

/** A short text makes a body of about 1 KB, as Meta's usual ones are. */
const text = 'I would like to change the delivery address of my last order, please. '.repeat(7);

/** A webhook with these messages, each in an entry and a change of its own, as Meta writes it. */
export function webhookBody(...messages: readonly TextMessage[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: messages.map(({ wamid, wabaId, phoneNumberId, from }) => ({
        id: wabaId,
        changes: [
          {
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550100101', phone_number_id: phoneNumberId },
              contacts: [{ profile: { name: 'Ada Lovelace' }, wa_id: from }],
              messages: [{ from, id: wamid, timestamp: '1795000000', text: { body: text }, type: 'text' }],
            },
            field: 'messages',
          },
        ],
      })),
    }),
  );
}

/** The value of `X-Hub-Signature-256`. */
export function signatureOf(appSecret: string, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}
