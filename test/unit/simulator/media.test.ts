import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ACME,
  ACME_PHONES,
  ADA,
  type Answer,
  type Callback,
  callbackForTests,
  eventually,
  firstValue,
  GLOBEX,
  proofOf,
  simulatorForTests,
  subscribe,
  type TestSimulator,
  tokenOf,
  UNREGISTERED_PHONE,
} from './harness.ts';

const nodeProgram = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));
const main = fileURLToPath(new URL('../../../simulator/main.ts', import.meta.url));
// In the program itself, asked over the channel to its parent: the most bytes of buffers in use. Collecting garbage first keeps
// the runtime's habit of letting it gather out of the measure.
const REPORT_PEAK = `
  let peak = 0;
  setInterval(() => {
    gc();
    peak = Math.max(peak, process.memoryUsage().external);
  }, 20).unref();
  process.on('message', () => process.send(peak));
`;
// The buffers of a few streams on a busy machine, 56 seen; whoever holds the smaller document as a whole has 90.
const MAX_GROWTH_MEGABYTES = 80;
const MEGABYTE = 1024 * 1024;
const [, OTHER_PHONE] = ACME_PHONES;

let simulator: TestSimulator;
let callback: Callback;
let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'simulator-'));
  vi.stubEnv('TMPDIR', temporary);
  [simulator, callback] = await Promise.all([simulatorForTests(), callbackForTests()]);
  await subscribe(simulator, { app: ACME.app, waba: ACME.shop, token: 'acme-good', url: callback.url });
});
beforeEach(async () => {
  await Promise.all(['/calls', '/faults', '/sent'].map((path) => simulator.control('DELETE', path)));
  callback.received.length = 0;
});
afterAll(async () => {
  await Promise.all([simulator.close(), callback.close()]);
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true });
});

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

interface Part {
  readonly bytes?: Uint8Array | string;
  readonly mimeType?: string;
  readonly filename?: string;
}

/** Uploads as a careful client does; a field that is null is left out. */
async function upload(
  { bytes = 'an image', mimeType = 'image/png', filename = 'photo.png' }: Part = {},
  fields: Record<string, string | null> = {},
  { phone = ACME.phone as string, as = 'acme-good' } = {},
): Promise<Answer> {
  const form = new FormData();
  const all = { messaging_product: 'whatsapp', type: mimeType, ...fields };
  for (const [name, value] of Object.entries(all)) if (value !== null) form.append(name, value);
  if (fields.file !== null) form.append('file', new File([bytes as string], filename, { type: mimeType }));
  const response = await fetch(`${simulator.url}/v25.0/${phone}/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf(as)}` },
    body: form,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const made = async (more: object = {}) => {
  const { status, body } = await simulator.control('POST', '/media', {
    phoneNumberId: ACME.phone,
    mimeType: 'image/jpeg',
    text: 'a picture',
    ...more,
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body as { id: string; sha256: string; size: number };
};
const node = (id: string, as = 'acme-good', query = '') => simulator.graph('GET', `${id}${query}`, { as });
const urlOf = async (id: string) => String((await node(id)).body.url);
const download = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers: { authorization: `Bearer ${tokenOf('acme-good')}`, ...headers }, redirect: 'manual' });
interface Listed {
  readonly id: string;
  readonly direction: string;
  readonly at: string;
  readonly expiresAt: string;
}
const listed = async (query = ''): Promise<readonly Listed[]> => {
  const { body } = await simulator.control('GET', `/media${query}`);
  return body.items as Listed[];
};
const newest = async (query = ''): Promise<Listed> => {
  const item = (await listed(query)).at(-1);
  if (item === undefined) throw new Error('There are no media.');
  return item;
};
/** How long the newest medium lives, in seconds. */
const lifetime = async (query = '') => {
  const { at, expiresAt } = await newest(query);
  return (Date.parse(expiresAt) - Date.parse(at)) / 1000;
};
const uploadedId = async (part?: Part) => String((await upload(part)).body.id);
/** What the simulators of this file keep on disk. */
const storedFiles = async () => (await readdir(temporary, { recursive: true })).filter((name) => name.includes('/'));

describe('an upload', () => {
  it('is kept byte by byte, and answered with an id of digits', async () => {
    const bytes = randomBytes(300_000);
    const { status, body } = await upload({ bytes, filename: 'Grüße (1).png' });
    expect(status).toBe(200);
    expect(body).toEqual({ id: expect.stringMatching(/^\d{15}$/) });
    expect(await newest()).toMatchObject({
      id: body.id,
      phoneNumberId: ACME.phone,
      direction: 'upload',
      mimeType: 'image/png',
      filename: 'Grüße (1).png',
      size: bytes.length,
      sha256: sha256(bytes),
    });
    const kept = await fetch(`${simulator.url}/_control/media/${body.id}/content`);
    expect(Buffer.from(await kept.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('lives for 30 days', async () => {
    await upload();
    expect(await lifetime()).toBe(30 * 24 * 3600);
  });

  it.each([
    ['without messaging_product', {}, { messaging_product: null }, 100, /messaging_product/],
    ['without a file', {}, { file: null }, 100, /parameter file/],
    ['without a type', {}, { type: null }, 100, /parameter type/],
    [
      'of no known type',
      { mimeType: 'application/octet-stream' },
      { type: 'image/png' },
      100,
      /'application\/octet-stream'/,
    ],
    ['of a type with parameters', { mimeType: 'audio/ogg' }, { type: 'audio/ogg; codecs=opus' }, 100, /codecs/],
    [
      'of a picture that Meta does not take',
      { mimeType: 'image/gif' },
      {},
      100,
      /one of the following types: audio\/aac/,
    ],
  ])('is refused %s', async (_, part, fields, code, message) => {
    const before = (await listed()).length;
    const { status, body } = await upload(part, fields);
    expect(status).toBe(400);
    expect(body.error.code).toBe(code);
    expect(body.error.message).toMatch(message);
    expect(await listed()).toHaveLength(before);
  });

  it.each([
    ['image/jpeg', 5 * MEGABYTE],
    ['image/webp', 500 * 1024],
    ['video/mp4', 16 * MEGABYTE],
    ['audio/amr', 16 * MEGABYTE],
  ])('of %s may have %i bytes and not one more', async (mimeType, max) => {
    expect((await upload({ mimeType, bytes: new Uint8Array(max) })).status).toBe(200);
    const { status, body } = await upload({ mimeType, bytes: new Uint8Array(max + 1) });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 131053, error_data: { details: expect.stringContaining(String(max)) } });
  });

  it('is refused to strangers, without the permission, and for a number that is not registered', async () => {
    const refusals = await Promise.all([
      upload({}, {}, { as: 'wayne-good' }),
      upload({}, {}, { as: 'acme-no-messaging' }),
      upload({}, {}, { as: 'acme-revoked' }),
      upload({}, {}, { phone: UNREGISTERED_PHONE }),
    ]);
    expect(refusals.map(({ body }) => Number(body.error.code))).toEqual([100, 10, 190, 133010]);
    expect(refusals[0]?.body.error.error_subcode).toBe(33);
  });

  it('leaves nothing on disk when it is refused', async () => {
    const before = (await storedFiles()).length;
    await upload({ mimeType: 'image/gif' });
    await upload({}, {}, { as: 'acme-revoked' });
    expect(await storedFiles()).toHaveLength(before);
  });

  it('counts as empty when the form ends too early, and leaves nothing on disk', async () => {
    const before = (await storedFiles()).length;
    const body =
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nhalf';
    const response = await fetch(`${simulator.url}/v25.0/${ACME.phone}/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('acme-good')}`, 'content-type': 'multipart/form-data; boundary=x' },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/messaging_product is required/);
    expect(await storedFiles()).toHaveLength(before);
  });

  it('leaves nothing on disk when the client hangs up', async () => {
    const before = (await storedFiles()).length;
    const { hostname, port } = new URL(simulator.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /v25.0/${ACME.phone}/media HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 100000\r\n` +
        'Content-Type: multipart/form-data; boundary=x\r\n\r\n' +
        `--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n${'y'.repeat(50_000)}`,
    );
    await eventually(async () => (await storedFiles()).length > before);
    socket.destroy();
    await eventually(async () => (await storedFiles()).length === before);
  });

  it('is hit by a fault that matches its fields and the name of its file', async () => {
    await simulator.control('POST', '/faults', { method: 'POST', path: '/media$', body: 'file=b\\.png', code: 131053 });
    await simulator.control('POST', '/faults', { path: '/media$', body: 'type=image/jpeg', code: 2 });
    expect((await upload({ filename: 'a.png' })).status).toBe(200);
    expect((await upload({ filename: 'b.png' })).body.error.code).toBe(131053);
    expect((await upload({ mimeType: 'image/jpeg' })).body.error.code).toBe(2);
  });

  it('takes effect before its answer is lost, when a fault says so', async () => {
    const before = (await listed()).length;
    await simulator.control('POST', '/faults', { path: '/media$', afterEffect: true, dropConnection: true });
    await expect(upload()).rejects.toThrow();
    expect(await listed()).toHaveLength(before + 1);
  });

  it('takes 100 MB of a document, and not one byte more', async () => {
    const whole = await upload({ mimeType: 'application/pdf', bytes: new Uint8Array(100 * MEGABYTE) });
    expect(whole.status).toBe(200);
    const tooLong = await upload({ mimeType: 'application/pdf', bytes: new Uint8Array(100 * MEGABYTE + 1) });
    expect(tooLong.body.error.code).toBe(131053);
  }, 30_000);
});

describe('the node of a medium', () => {
  it('names a fresh address, type, size and SHA-256 of an upload', async () => {
    const id = await uploadedId({ bytes: 'picture' });
    const { status, body } = await node(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      messaging_product: 'whatsapp',
      url: expect.stringMatching(
        `^${simulator.url}/_lookaside/whatsapp_business/attachments/\\?mid=${id}&ext=\\d+&hash=.`,
      ),
      mime_type: 'image/png',
      sha256: sha256('picture'),
      file_size: 7,
      id,
    });
    expect((await node(id, 'acme-good', '?fields=url')).body).toEqual({ url: expect.any(String), id });
    expect((await node(id, 'acme-good', `?phone_number_id=${ACME.phone}`)).status).toBe(200);
  });

  it('does not tell apart what is unknown, expired, of another number, and of somebody else', async () => {
    const { id } = await made();
    const expired = await made({ expiresInSeconds: 0 });
    const refusals = await Promise.all([
      node('123456789012345'),
      node(expired.id),
      node(id, 'acme-good', `?phone_number_id=${OTHER_PHONE}`),
      node(id, 'globex-good', `?appsecret_proof=${proofOf(GLOBEX.app, tokenOf('globex-good'))}`),
      node(id, `app:${ACME.app}`),
      simulator.graph('DELETE', id, { as: 'wayne-good' }),
      simulator.graph('DELETE', `${id}?phone_number_id=${OTHER_PHONE}`, { as: 'acme-good' }),
    ]);
    for (const { status, body } of refusals) {
      expect(status).toBe(400);
      expect(body.error).toMatchObject({ type: 'GraphMethodException', code: 100, error_subcode: 33 });
    }
    expect((await node(id)).status).toBe(200);
  });

  it('is refused without the permission for messages', async () => {
    const { id } = await made();
    expect((await node(id, 'acme-no-messaging')).body.error.code).toBe(10);
    expect((await node(id, 'acme-expired')).body.error).toMatchObject({ code: 190, error_subcode: 463 });
  });

  it('is gone once it is deleted, with its bytes and its address', async () => {
    const before = (await storedFiles()).length;
    const id = await uploadedId();
    const url = await urlOf(id);
    expect((await simulator.graph('DELETE', id, { as: 'acme-good' })).body).toEqual({ success: true });
    expect((await node(id)).body.error.error_subcode).toBe(33);
    expect((await download(url)).status).toBe(404);
    expect(await storedFiles()).toHaveLength(before);
  });
});

describe('the download', () => {
  it('gives type, length and bytes', async () => {
    const { id, sha256: expected } = await made({ mimeType: 'audio/ogg; codecs=opus', text: undefined, size: 200_001 });
    const response = await download(await urlOf(id));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('audio/ogg; codecs=opus');
    expect(response.headers.get('content-length')).toBe('200001');
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(expected);
  });

  it('needs a living token of the WABA in the header', async () => {
    const { id } = await made();
    const url = await urlOf(id);
    const withToken = (name: string) => download(url, { authorization: `Bearer ${tokenOf(name)}` });
    const refusals = [
      await fetch(url),
      await fetch(`${url}&access_token=${tokenOf('acme-good')}`),
      await download(url, { authorization: 'Bearer EAAnobody' }),
      await withToken('acme-revoked'),
      await withToken('wayne-good'),
      await withToken('acme-no-messaging'),
    ];
    for (const response of refusals) {
      expect(response.status).toBe(401);
      expect(await response.text()).toBe('');
    }
    // The proof belongs to the Graph API: this host asks for none, even of an app that requires it there.
    const globex = await simulator.control('POST', '/media', {
      phoneNumberId: GLOBEX.phone,
      mimeType: 'text/plain',
      text: 'x',
    });
    const proof = `?appsecret_proof=${proofOf(GLOBEX.app, tokenOf('globex-good'))}`;
    const theirs = String((await node(String(globex.body.id), 'globex-good', proof)).body.url);
    expect((await download(theirs, { authorization: `Bearer ${tokenOf('globex-good')}` })).status).toBe(200);
  });

  it('is 404 once the address has expired, though the medium lives', async () => {
    const { id } = await made({ urlLifetimeSeconds: 0 });
    const response = await download(await urlOf(id));
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('text/html');
    const fresh = new URL(await urlOf((await made()).id));
    expect(Number(fresh.searchParams.get('ext')) - Date.now() / 1000).toBeGreaterThan(290);
    expect(Number(fresh.searchParams.get('ext')) - Date.now() / 1000).toBeLessThanOrEqual(300);
  });

  it('is 404 for an address that was changed', async () => {
    const [one, other] = [await made(), await made()];
    const url = new URL(await urlOf(one.id));
    for (const [name, value] of [
      ['mid', other.id],
      ['ext', String(Number(url.searchParams.get('ext')) + 1)],
      ['hash', ''],
    ] as const) {
      const changed = new URL(url);
      changed.searchParams.set(name, value);
      expect((await download(changed.href)).status, name).toBe(404);
    }
  });

  it('is 400 without a User-Agent', async () => {
    const { id } = await made();
    expect((await download(await urlOf(id), { 'user-agent': '' })).status).toBe(400);
  });

  it('is in the log of calls without query and token', async () => {
    const { id } = await made();
    const url = await urlOf(id);
    await download(url);
    await fetch(url);
    const { items } = (await simulator.control('GET', '/calls?path=^/_lookaside/')).body;
    expect(items).toMatchObject([
      {
        method: 'GET',
        path: '/_lookaside/whatsapp_business/attachments/',
        status: 200,
        caller: 'acme-good',
        tokenIn: 'header',
      },
      { status: 401, caller: 'none', tokenIn: 'none' },
    ]);
    expect(JSON.stringify(items)).not.toMatch(/EAA|hash=/);
  });

  it('is hit by faults', async () => {
    const { id } = await made();
    const url = await urlOf(id);
    await simulator.control('POST', '/faults', {
      path: '^/_lookaside/',
      body: `mid=${id}`,
      status: 500,
      answer: 'broken',
    });
    await simulator.control('POST', '/faults', { path: '^/_lookaside/', skip: 1, dropConnection: true });
    const broken = await download(url);
    expect([broken.status, await broken.text()]).toEqual([500, 'broken']);
    expect((await download(url)).status).toBe(200);
    await expect(download(url)).rejects.toThrow();
  });
});

describe('what a customer could send', () => {
  it('is made of text, of base64, and of pseudo-random bytes that stay the same', async () => {
    expect((await made({ text: 'grüße' })).sha256).toBe(sha256('grüße'));
    expect((await made({ text: undefined, base64: 'AAEC/w==' })).sha256).toBe(sha256(new Uint8Array([0, 1, 2, 255])));
    const random = await made({ text: undefined, size: 70_000 });
    const content = async () =>
      sha256(new Uint8Array(await (await fetch(`${simulator.url}/_control/media/${random.id}/content`)).arrayBuffer()));
    expect([await content(), await content()]).toEqual([random.sha256, random.sha256]);
    expect((await made({ text: undefined, size: 70_000 })).sha256).not.toBe(random.sha256);
    expect(await made({ text: undefined, size: 0 })).toMatchObject({ size: 0, sha256: sha256('') });
  });

  it('lives for 7 days, or as long as it is told', async () => {
    await made();
    expect(await lifetime('?direction=inbound')).toBe(7 * 24 * 3600);
    await made({ expiresInSeconds: 60 });
    expect(await lifetime('?direction=inbound')).toBe(60);
  });

  it('is listed by number and direction', async () => {
    const { id } = await made({ phoneNumberId: OTHER_PHONE });
    expect((await listed(`?phoneNumberId=${OTHER_PHONE}`)).map((item) => item.id)).toEqual([id]);
    const directions = (await listed('?direction=upload')).map((item) => item.direction);
    expect(new Set(directions)).toEqual(new Set(['upload']));
  });

  it.each([
    ['no bytes', { text: undefined }],
    ['two kinds of bytes', { size: 1 }],
    ['a type that is none', { mimeType: 'picture' }],
    ['a type that would break a header', { mimeType: 'image/png\r\nX-Evil: 1' }],
    ['an unknown field', { colour: 'red' }],
  ])('is refused with %s', async (_, more) => {
    const body = { phoneNumberId: ACME.phone, mimeType: 'image/jpeg', text: 'x', ...more };
    expect((await simulator.control('POST', '/media', body)).status).toBe(400);
  });

  it('is refused for an unknown number, and unknown content is 404', async () => {
    const body = { phoneNumberId: '1', mimeType: 'image/jpeg', text: 'x' };
    expect((await simulator.control('POST', '/media', body)).status).toBe(404);
    expect((await simulator.control('GET', '/media/1/content')).status).toBe(404);
  });

  it('is never shown as a page by the browser', async () => {
    const page = await made({ mimeType: 'text/html', text: '<script>alert(1)</script>' });
    const { headers } = await fetch(`${simulator.url}/_phone/media/${page.id}`);
    expect(headers.get('content-disposition')).toMatch(/^attachment/);
    expect(headers.get('content-security-policy')).toContain('sandbox');
    const picture = await fetch(`${simulator.url}/_phone/media/${(await made()).id}`);
    expect(picture.headers.get('content-disposition')).toMatch(/^inline/);
  });
});

describe('a medium that lies', () => {
  it('about its SHA-256 and size in the node', async () => {
    const lying = await made({ sha256: 'wrong', lyingFileSize: 1 });
    const { body } = await node(lying.id);
    expect(body.file_size).toBe(1);
    expect(body.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(body.sha256).not.toBe(lying.sha256);
    expect(await (await download(String(body.url))).text()).toBe('a picture');
  });

  it('about its address', async () => {
    const elsewhere = await made({ url: 'https://media.example/x?y=1' });
    expect(await urlOf(elsewhere.id)).toBe('https://media.example/x?y=1');
    const host = await made({ urlHost: 'media.example:444' });
    const url = new URL(await urlOf(host.id));
    expect([url.host, url.searchParams.get('mid')]).toEqual(['media.example:444', host.id]);
  });

  it('by a redirect', async () => {
    const { id } = await made({ redirectTo: `${callback.url}/elsewhere` });
    const response = await download(await urlOf(id));
    expect([response.status, response.headers.get('location')]).toEqual([302, `${callback.url}/elsewhere`]);
  });

  it('by a body that ends before its announced length', async () => {
    const { id } = await made({ lyingContentLength: 100 });
    const response = await download(await urlOf(id));
    expect(response.headers.get('content-length')).toBe('100');
    await expect(response.text()).rejects.toThrow();
  });

  it('by a body that is longer than its announced length, or has none', async () => {
    const longer = await bytesOnTheWire(await urlOf((await made({ lyingContentLength: 2 })).id));
    expect(longer).toMatch(/content-length: 2\r\n/i);
    expect(longer).toMatch(/\r\n\r\na picture$/);
    const { id } = await made({ lyingContentLength: 'absent' });
    const response = await download(await urlOf(id));
    expect(response.headers.get('content-length')).toBeNull();
    expect(await response.text()).toBe('a picture');
  });
});

/** The whole answer to a download, which a client would cut at its announced length. */
async function bytesOnTheWire(url: string): Promise<string> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nUser-Agent: x\r\nAuthorization: Bearer ${tokenOf('acme-good')}\r\n\r\n`,
  );
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

describe("a customer's message with a medium", () => {
  const send = (more: object) =>
    simulator.control('POST', '/message', { phoneNumberId: ACME.phone, from: ADA, ...more });

  it('has it in the shape of Meta, with a fresh address and the SHA-256 in base64', async () => {
    await send({ type: 'image', media: { mimeType: 'image/jpeg', text: 'a picture', caption: 'This one?' } });
    const [message] = firstValue(callback.received[0]?.rawBody).messages;
    const [id, url] = [String(message?.image.id), String(message?.image.url)];
    expect(message).toMatchObject({ type: 'image' });
    expect(message?.image).toEqual({
      caption: 'This one?',
      mime_type: 'image/jpeg',
      sha256: createHash('sha256').update('a picture').digest('base64'),
      id: expect.stringMatching(/^\d{15}$/),
      url: expect.stringContaining('/_lookaside/'),
    });
    expect(await (await download(url)).text()).toBe('a picture');
    expect((await node(id, 'acme-good', `?phone_number_id=${ACME.phone}`)).body.sha256).toBe(sha256('a picture'));
  });

  it.each([
    ['document', { mimeType: 'application/pdf', size: 10, filename: 'invoice.pdf' }, { filename: 'invoice.pdf' }],
    ['audio', { mimeType: 'audio/ogg; codecs=opus', size: 10 }, { voice: false }],
    ['video', { mimeType: 'video/mp4', size: 10 }, {}],
    ['sticker', { mimeType: 'image/webp', size: 10 }, { animated: false }],
  ])('is of type %s by its MIME type', async (type, media, own) => {
    const { body } = await send({ media, dryRun: true });
    const [message] = firstValue(body.payload).messages;
    expect(message).toMatchObject({ type, [type]: { mime_type: media.mimeType, ...own } });
  });

  it('names one that was made before, and what is spelled out wins', async () => {
    const { id } = await made({ filename: 'x.jpg' });
    const { body } = await send({
      type: 'image',
      content: { image: { id, caption: 'again', mime_type: 'image/png' } },
    });
    const [message] = firstValue(body.payload).messages;
    expect(message?.image).toMatchObject({ id, caption: 'again', mime_type: 'image/png', url: expect.any(String) });
    const foreign = await made({ phoneNumberId: OTHER_PHONE });
    const untouched = await send({ type: 'image', content: { image: { id: foreign.id } } });
    expect(firstValue(untouched.body.payload).messages[0]?.image).toEqual({ id: foreign.id });
  });

  it('lies in the webhook as in the node', async () => {
    const media = { mimeType: 'image/jpeg', text: 'x', sha256: 'wrong', url: 'https://media.example/x' };
    const { body } = await send({ media });
    const { image } = firstValue(body.payload).messages[0] ?? {};
    expect(image.url).toBe('https://media.example/x');
    const told = (await node(String(image.id))).body.sha256;
    expect(Buffer.from(String(image.sha256), 'base64').toString('hex')).toBe(told);
    expect(told).not.toBe(sha256('x'));
  });

  it('is refused for a type that has no medium', async () => {
    expect((await send({ type: 'text', media: { mimeType: 'image/jpeg', text: 'x' } })).status).toBe(400);
  });
});

describe('sending a medium', () => {
  const send = (content: object, phone: string = ACME.phone) =>
    simulator.graph('POST', `${phone}/messages`, {
      as: 'acme-good',
      json: { messaging_product: 'whatsapp', to: ADA, ...content },
    });
  const template = (id: string) => ({
    type: 'template',
    template: {
      name: 'x',
      language: { code: 'en' },
      components: [{ type: 'header', parameters: [{ type: 'image', image: { id } }] }],
    },
  });

  it('takes an upload of the number, what a customer sent to it, and a link', async () => {
    const id = await uploadedId();
    for (const image of [{ id }, { id: (await made()).id }, { link: 'https://example.org/a.png' }]) {
      expect((await send({ type: 'image', image })).status).toBe(200);
    }
    expect((await send(template(id))).status).toBe(200);
  });

  it('refuses an id that is unknown, expired, deleted, or of another number', async () => {
    const id = await uploadedId();
    await simulator.graph('DELETE', id, { as: 'acme-good' });
    for (const unusable of [
      '1',
      id,
      (await made({ expiresInSeconds: 0 })).id,
      (await made({ phoneNumberId: OTHER_PHONE })).id,
    ]) {
      const { status, body } = await send({ type: 'image', image: { id: unusable } });
      expect(status).toBe(400);
      expect(body.error).toMatchObject({
        code: 100,
        message: "(#100) Param image['id'] is not a valid whatsapp business account media attachment ID",
      });
    }
    expect((await send(template('1'))).body.error.message).toContain(
      "Param template['components'][0]['parameters'][0]['image']['id']",
    );
    expect((await simulator.control('GET', '/sent')).body.items).toEqual([]);
  });

  it('shows it on the phone', async () => {
    const id = await uploadedId({ filename: 'menu.png' });
    await send({ to: '15550100202', type: 'image', image: { id, caption: 'Today' } });
    const { items } = (await simulator.control('GET', '/conversations?waId=15550100202')).body;
    expect(items[0].items[0]).toMatchObject({
      text: '[image] Today',
      media: { id, mimeType: 'image/png', filename: 'menu.png' },
    });
  });
});

describe('a reset', () => {
  it('forgets media and their bytes', async () => {
    const own = await simulatorForTests();
    const before = (await storedFiles()).length;
    const post = (path: string) =>
      fetch(`${own.url}${path}`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'x' });
    await post(`/_phone/media?phoneNumberId=${ACME.phone}&waId=${ADA}&filename=a.png`);
    expect(await storedFiles()).toHaveLength(before + 1);
    expect((await own.control('GET', '/media')).body.items).toHaveLength(1);
    await own.control('POST', '/reset');
    expect((await own.control('GET', '/media')).body.items).toEqual([]);
    expect(await storedFiles()).toHaveLength(before);
    await post(`/_phone/media?phoneNumberId=${ACME.phone}&waId=${ADA}&filename=a.png`);
    await own.close();
    expect(await storedFiles()).toHaveLength(before);
  });
});

describe('a document of 120 MB made and brought, and one of 90 MB uploaded', () => {
  it('take flat memory', async () => {
    const measured = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(REPORT_PEAK)}`];
    const program = spawn(nodeProgram, [...measured, main, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    onTestFinished(() => void program.kill('SIGTERM'));
    const [output] = await once(program.stdout ?? program, 'data');
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(output))?.[0] ?? '';
    const token = { authorization: `Bearer ${tokenOf('acme-good')}` };
    const peakMegabytes = async () => {
      const answered = once(program, 'message');
      program.send('peak');
      return Number((await answered)[0]) / MEGABYTE;
    };
    const json = async (path: string, init: RequestInit) => (await fetch(`${url}${path}`, init)).json();
    const make = async (size: number) => {
      const body = JSON.stringify({ phoneNumberId: ACME.phone, mimeType: 'application/pdf', size });
      return (await json('/_control/media', { method: 'POST', body })) as { id: string; sha256: string };
    };
    const bring = async (id: string) => {
      const described = (await json(`/${id}`, { headers: token })) as { url: string };
      return fetch(described.url, { headers: token });
    };
    await (await bring((await make(1)).id)).arrayBuffer();
    const before = await peakMegabytes();

    const large = await make(120 * MEGABYTE);
    const hash = createHash('sha256');
    for await (const chunk of (await bring(large.id)).body ?? []) hash.update(chunk as Uint8Array);
    expect(hash.digest('hex')).toBe(large.sha256);

    // The bytes of one go straight back as an upload, so that the test does not hold them either.
    const { id, sha256: expected } = await make(90 * MEGABYTE);
    const uploading = request(`${url}/${ACME.phone}/media`, {
      method: 'POST',
      headers: { ...token, 'content-type': 'multipart/form-data; boundary=x' },
    });
    const part = (disposition: string, rest: string) =>
      uploading.write(`--x\r\nContent-Disposition: form-data; ${disposition}\r\n${rest}`);
    part('name="messaging_product"', '\r\nwhatsapp\r\n');
    part('name="type"', '\r\napplication/pdf\r\n');
    part('name="file"; filename="a.pdf"', 'Content-Type: application/pdf\r\n\r\n');
    for await (const chunk of (await bring(id)).body ?? []) {
      if (!uploading.write(chunk)) await once(uploading, 'drain');
    }
    uploading.end('\r\n--x--\r\n');
    const [response] = await once(uploading, 'response');
    expect(response.statusCode).toBe(200);
    expect(await json('/_control/media?direction=upload', {})).toMatchObject({
      items: [{ size: 90 * MEGABYTE, sha256: expected }],
    });

    expect((await peakMegabytes()) - before).toBeLessThan(MAX_GROWTH_MEGABYTES);
  }, 60_000);
});
