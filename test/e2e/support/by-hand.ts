import { expect } from 'vitest';
import type { Business } from './business.ts';
import { stack } from './stack.ts';

/** What the owner of an app does at Meta without us, in the dashboard or by the Graph API. */
export const byHand = ({ app, token }: Business) => {
  const call = async (method: string, path: string, bearer: string, body?: object): Promise<void> => {
    const response = await fetch(`${stack.simulator}/v25.0/${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.status, await response.text()).toBe(200);
  };
  const appToken = `${app.id}|${app.secret}`;
  const object = 'whatsapp_business_account';
  return {
    subscribeApp: (callback: { readonly url: string; readonly verifyToken: string }, fields: readonly string[]) =>
      call('POST', `${app.id}/subscriptions`, appToken, {
        object,
        callback_url: callback.url,
        verify_token: callback.verifyToken,
        fields: fields.join(),
      }),
    unsubscribeApp: () => call('DELETE', `${app.id}/subscriptions?object=${object}`, appToken),
    subscribeAccount: (wabaId: string) => call('POST', `${wabaId}/subscribed_apps`, token.value),
    unsubscribeAccount: (wabaId: string) => call('DELETE', `${wabaId}/subscribed_apps`, token.value),
    /** An empty URL takes the callback away. */
    overrideNumber: (number: string, callback: { readonly url: string; readonly verifyToken: string }) =>
      call('POST', number, token.value, {
        webhook_configuration: {
          override_callback_uri: callback.url,
          ...(callback.url === '' ? {} : { verify_token: callback.verifyToken }),
        },
      }),
  };
};
