import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ACME,
  ADA,
  type Callback,
  callbackForTests,
  firstValue,
  INITECH,
  simulatorForTests,
  subscribe,
  type TestSimulator,
} from './harness.ts';

let simulator: TestSimulator;
let callback: Callback;
beforeAll(async () => {
  [simulator, callback] = await Promise.all([simulatorForTests(), callbackForTests()]);
  await subscribe(simulator, { app: ACME.app, waba: ACME.shop, token: 'acme-good', url: callback.url });
});
afterAll(() => Promise.all([simulator.close(), callback.close()]));

const write = (body: object, phoneNumberId: string = ACME.phone) =>
  fetch(`${simulator.url}/_phone/messages`, {
    method: 'POST',
    body: JSON.stringify({ phoneNumberId, waId: ADA, ...body }),
  });

const attach = (about: Record<string, string>, init: RequestInit) =>
  fetch(`${simulator.url}/_phone/media?${new URLSearchParams(about)}`, { method: 'POST', ...init });

interface Chat {
  readonly items: readonly {
    readonly text: string;
    readonly ticks: string;
    readonly note: string | null;
    readonly wamid: string;
    readonly media: { readonly id: string; readonly mimeType: string; readonly filename: string | null } | null;
  }[];
  readonly typingUntil: number;
}

/** The snapshots of a chat as the page gets them. */
async function watch(
  phoneNumberId: string,
): Promise<{ next(holds: (chat: Chat) => boolean): Promise<Chat>; stop(): Promise<void> }> {
  const response = await fetch(`${simulator.url}/_phone/events?phoneNumberId=${phoneNumberId}&waId=${ADA}`);
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let buffered = '';
  return {
    async next(holds) {
      for (;;) {
        const end = buffered.indexOf('\n\n');
        if (end === -1) {
          const { value, done } = await reader.read();
          if (done) throw new Error('The stream ended.');
          buffered += value;
          continue;
        }
        const data = /^data: (.*)$/m.exec(buffered.slice(0, end))?.[1];
        buffered = buffered.slice(end + 2);
        const chat: Chat | null = data === undefined ? null : JSON.parse(data);
        if (chat !== null && holds(chat)) return chat;
      }
    },
    stop: () => reader.cancel(),
  };
}

describe("the customer's phone", () => {
  it('is served under a strict content security policy, without anything inline', async () => {
    const response = await fetch(`${simulator.url}/`);
    expect(response.headers.get('content-security-policy')).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      expect((await fetch(`${simulator.url}${path}`)).status, path).toBe(200);
    }
  });

  it('lists business numbers and customers', async () => {
    const contacts = (await (await fetch(`${simulator.url}/_phone/contacts`)).json()) as {
      numbers: { id: string; registered: boolean }[];
      customers: { waId: string }[];
    };
    expect(contacts.numbers).toHaveLength(9);
    expect(contacts.numbers.filter(({ registered }) => !registered)).toHaveLength(1);
    expect(contacts.customers.map(({ waId }) => waId)).toContain(ADA);
  });

  it('shows live what was said, delivered, read, typed and answered', async () => {
    const chat = await watch(ACME.phone);
    await chat.next(({ items }) => items.length === 0);
    expect((await write({ body: 'hello' })).status).toBe(201);
    await chat.next(({ items }) => items[0]?.ticks === 'sent');
    const { items } = await chat.next((now) => now.items[0]?.ticks === 'delivered');
    expect(JSON.parse(callback.received[0]?.rawBody ?? '').entry[0].changes[0].value.messages[0].id).toBe(
      items[0]?.wamid,
    );
    const post = (json: object) =>
      simulator.graph('POST', `${ACME.phone}/messages`, {
        as: 'acme-good',
        json: { messaging_product: 'whatsapp', ...json },
      });
    await post({ status: 'read', message_id: items[0]?.wamid, typing_indicator: { type: 'text' } });
    const typing = await chat.next((now) => now.items[0]?.ticks === 'read');
    expect(typing.typingUntil).toBeGreaterThan(Date.now());
    await post({ to: ADA, type: 'text', text: { body: 'Hello Ada' } });
    const answered = await chat.next((now) => now.items.length === 2);
    expect(answered).toMatchObject({ typingUntil: 0, items: [{ text: 'hello' }, { text: 'Hello Ada' }] });
    await chat.stop();
  });

  it('says why a message reaches nobody', async () => {
    await simulator.control('POST', '/seed', { wabaSubscriptions: [{ appId: INITECH.app, wabaId: INITECH.waba }] });
    const chat = await watch(INITECH.phone);
    await write({ body: 'anybody?' }, INITECH.phone);
    const { items } = await chat.next((now) => now.items[0]?.ticks === 'failed');
    expect(items[0]?.note).toBe(`App ${INITECH.app} is not published`);
    await chat.stop();
  });

  it('sends a tap on a reply button as an interactive reply', async () => {
    callback.received.length = 0;
    await write({ reply: { id: 'yes', title: 'Yes', context: 'wamid.question' } });
    const value = async (): Promise<unknown> =>
      JSON.parse(callback.received[0]?.rawBody ?? '{}').entry?.[0].changes[0].value.messages[0];
    while ((await value()) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await value()).toMatchObject({
      type: 'interactive',
      context: { id: 'wamid.question' },
      interactive: { type: 'button_reply', button_reply: { id: 'yes', title: 'Yes' } },
    });
  });

  it('sends a file as what its type says, with what was written as its caption, and shows it', async () => {
    callback.received.length = 0;
    const chat = await watch(ACME.phone);
    const about = { phoneNumberId: ACME.phone, waId: ADA, filename: 'Grüße.pdf', caption: 'Here' };
    const response = await attach(about, { headers: { 'content-type': 'application/pdf' }, body: '%PDF' });
    expect(response.status).toBe(201);
    const { items } = await chat.next(
      (now) => now.items.at(-1)?.media != null && now.items.at(-1)?.ticks === 'delivered',
    );
    const { media } = items.at(-1) ?? {};
    expect(media).toMatchObject({ mimeType: 'application/pdf', filename: 'Grüße.pdf' });
    const [message] = firstValue(callback.received[0]?.rawBody).messages;
    expect(message).toMatchObject({
      type: 'document',
      document: { id: media?.id, filename: 'Grüße.pdf', caption: 'Here', mime_type: 'application/pdf' },
    });
    const shown = await fetch(`${simulator.url}/_phone/media/${media?.id}`);
    expect(await shown.text()).toBe('%PDF');
    expect(shown.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf");
    await chat.stop();
  });

  it('refuses a file for an unknown number, without a name, and one whose length nobody knows', async () => {
    const about = { phoneNumberId: ACME.phone, waId: ADA, filename: 'a.txt' };
    expect((await attach({ ...about, phoneNumberId: '1' }, { body: 'x' })).status).toBe(404);
    expect((await attach({ ...about, filename: '' }, { body: 'x' })).status).toBe(400);
    const body = new Blob(['x']).stream();
    expect((await attach(about, { body, duplex: 'half' })).status).toBe(400);
    expect((await fetch(`${simulator.url}/_phone/media/1`)).status).toBe(404);
  });

  it('refuses empty messages, unknown numbers and customers without a name', async () => {
    expect((await write({ body: '  ' })).status).toBe(400);
    expect((await write({})).status).toBe(400);
    expect((await write({ body: 'x' }, '1')).status).toBe(404);
    const add = (body: object) =>
      fetch(`${simulator.url}/_phone/customers`, { method: 'POST', body: JSON.stringify(body) });
    expect((await add({ waId: '15550100299', name: '' })).status).toBe(400);
    expect((await add({ waId: '15550100299', name: 'New' })).status).toBe(201);
  });
});
