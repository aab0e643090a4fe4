import { newCustomer } from './business.ts';
import { messageChange, webhookBody } from './webhook-body.ts';
import { postWebhook, signatureOf } from './webhook-request.ts';

/** A message of a new customer as Meta delivers it on a URL, signed with an App Secret. Answers the HTTP status. */
export async function deliverSigned(
  url: string,
  appSecret: string,
  place: { readonly wabaId: string; readonly phoneNumberId: string },
  text: string,
): Promise<number> {
  const change = messageChange({ phoneNumberId: place.phoneNumberId, from: newCustomer().waId, text });
  const body = JSON.stringify(webhookBody({ wabaId: place.wabaId, changes: [change] }));
  const answer = await postWebhook(url, body, { 'x-hub-signature-256': signatureOf(body, appSecret) });
  return answer.status;
}
