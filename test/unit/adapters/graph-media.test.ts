import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { graphApi } from '../../../shared/adapters/graph-api.ts';
import { isMetas } from '../../../shared/adapters/graph-media.ts';
import { mediaId } from '../../../shared/contracts/ids.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import type { MediaSource } from '../../../shared/domain/graph.ts';
import { jsonAnswer, loopbackServer } from '../../support/loopback-server.ts';
import { ids } from '../../support/records.ts';

const access = () => ({
  accessToken: SecretBytes.fromText('EAA-the-token'),
  proof: SecretBytes.fromText('the-proof'),
});
const graphAt = (baseUrl: string) => graphApi({ baseUrl, version: 'v25.0' });
const patience = 10_000;
const contentOf = async (source: MediaSource): Promise<string> => {
  expect(source.outcome).toBe('opened');
  let text = '';
  if (source.outcome === 'opened') for await (const chunk of source.content) text += Buffer.from(chunk).toString();
  return text;
};

describe('a token goes to Meta alone', () => {
  test.each([
    'https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1',
    'https://graph.facebook.com/x',
    'https://scontent.fbcdn.net/x',
    'https://mmg.whatsapp.net/x',
    'https://graph.test:8443/x',
  ])('to %s', (url) => {
    expect(isMetas(new URL(url), 'https://graph.test:8443/base')).toBe(true);
  });

  test.each([
    'http://lookaside.fbsbx.com/x',
    'https://lookaside.fbsbx.com:8443/x',
    'https://lookaside.fbsbx.com.evil.example/x',
    'https://evilfbsbx.com/x',
    'https://fbsbx.com.evil.example/x',
    'https://user@lookaside.fbsbx.com/x',
    'https://:secret@lookaside.fbsbx.com/x',
    'https://evil.example/?lookaside.fbsbx.com',
    'https://169.254.169.254/latest',
    'https://graph.test/x',
    'http://graph.test:8443/x',
    'https://user@graph.test:8443/x',
    'file:///etc/passwd',
    'data:text/plain,x',
  ])('not to %s', (url) => {
    expect(isMetas(new URL(url), 'https://graph.test:8443/base')).toBe(false);
  });
});

describe('media are opened', () => {
  test('with the token in the header and a name, and given as a stream', async () => {
    await using meta = await loopbackServer((_heard, response) => response.end('the bytes'));
    const source = await graphAt(meta.url).openMedia(access(), `${meta.url}/file`, patience);
    expect(await contentOf(source)).toBe('the bytes');
    const [call] = meta.heard;
    expect(call?.headers).toMatchObject({ authorization: 'Bearer EAA-the-token', 'user-agent': 'switchboard' });
    expect(call?.url.href).not.toContain('EAA-the-token');
  });

  test('through redirects of Meta, and through none that leads elsewhere', async () => {
    await using elsewhere = await loopbackServer((_heard, response) => response.end('stolen'));
    await using meta = await loopbackServer(({ url }, response) => {
      const to = { '/one': '/two', '/two': '/file', '/away': `${elsewhere.url}/x`, '/loop': '/loop' }[url.pathname];
      if (to === undefined) response.end('the bytes');
      else response.writeHead(302, { location: to }).end();
    });
    const open = (path: string) => graphAt(meta.url).openMedia(access(), `${meta.url}${path}`, patience);
    expect(await contentOf(await open('/one'))).toBe('the bytes');
    expect(await open('/away')).toEqual({ outcome: 'foreign-host' });
    expect(await open('/loop')).toEqual({ outcome: 'unavailable' });
    expect(await graphAt(meta.url).openMedia(access(), `${elsewhere.url}/x`, patience)).toEqual({
      outcome: 'foreign-host',
    });
    expect(await graphAt(meta.url).openMedia(access(), 'no address', patience)).toEqual({ outcome: 'foreign-host' });
    expect(elsewhere.heard).toEqual([]);
  });

  test('or not, when Meta says that the URL is over, says something else, or says nothing', async () => {
    await using meta = await loopbackServer(({ url }, response) => {
      if (url.pathname !== '/silent') response.writeHead(Number(url.pathname.slice(1))).end('x');
    });
    const open = (path: string, timeout = patience) =>
      graphAt(meta.url).openMedia(access(), `${meta.url}${path}`, timeout);
    expect(await open('/404')).toEqual({ outcome: 'gone' });
    for (const path of ['/401', '/500', '/204', '/206', '/302'])
      expect(await open(path), path).toEqual({ outcome: 'unavailable' });
    expect(await open('/silent', 50)).toEqual({ outcome: 'unavailable' });
  });
});

describe('media are described', () => {
  test('for the number that asks, with the size as a number or a string', async () => {
    const node = { url: 'https://lookaside.fbsbx.com/1', mime_type: 'image/png', sha256: 'ab', id: '5' };
    for (const file_size of [7, '7']) {
      await using meta = await loopbackServer((_heard, response) => jsonAnswer(response, 200, { ...node, file_size }));
      const described = await graphAt(meta.url).describeMedia(access(), ids.number, mediaId.parse('5'));
      expect(described).toEqual({
        ok: true,
        value: { url: node.url, contentType: 'image/png', sha256: 'ab', bytes: 7 },
      });
      expect(meta.heard[0]?.url.pathname).toBe('/v25.0/5');
      expect(meta.heard[0]?.url.searchParams.get('phone_number_id')).toBe(ids.number);
    }
  });
});

describe('media that Meta does not want to describe for a number', () => {
  const ask = async (error: object) => {
    await using meta = await loopbackServer(({ url }, response) =>
      url.searchParams.has('phone_number_id')
        ? jsonAnswer(response, 400, { error })
        : jsonAnswer(response, 200, {
            url: 'https://lookaside.fbsbx.com/1',
            mime_type: 'a/b',
            sha256: 'ab',
            file_size: 7,
          }),
    );
    const described = await graphAt(meta.url).describeMedia(access(), ids.number, mediaId.parse('5'));
    return { described, asked: meta.heard.length };
  };

  test('are asked for without it', async () => {
    const { described, asked } = await ask({ code: 100, message: 'Param phone_number_id is not valid' });
    expect(described).toMatchObject({ ok: true, value: { bytes: 7 } });
    expect(asked).toBe(2);
  });

  test('but not when Meta does not show them to the token', async () => {
    const { described, asked } = await ask({ code: 100, error_subcode: 33, message: 'x' });
    expect(described).toMatchObject({ ok: false, failure: { refusal: 'object-invisible' } });
    expect(asked).toBe(1);
  });
});

describe('media are uploaded', () => {
  let temporary = '';
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'graph-media-'));
    vi.stubEnv('TMPDIR', temporary);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  const streamed = () => Readable.from([megabyte, megabyte, megabyte]);

  test.each([
    ['bytes at hand', () => new Uint8Array(Buffer.concat([megabyte, megabyte, megabyte]))],
    ['a stream', streamed],
  ])('from %s, as the form that Meta wants, with its length and nothing left behind', async (_what, content) => {
    const form: { file?: string; type?: string; product?: string; length?: string } = {};
    await using meta = await loopbackServer(({ headers, body }, response) => {
      form.length = String(headers['content-length']);
      form.type = /name="type"\r\n\r\n([^\r]*)/.exec(body)?.[1] ?? '';
      form.product = /name="messaging_product"\r\n\r\n([^\r]*)/.exec(body)?.[1] ?? '';
      const file = /filename="file"\r\nContent-Type: image\/png\r\n\r\n(x*)\r\n/.exec(body)?.[1] ?? '';
      form.file = createHash('sha256').update(file).digest('hex');
      jsonAnswer(response, 200, { id: '99' });
    });
    const media = { content: content(), contentType: 'image/png' };
    expect(await graphAt(meta.url).uploadMedia(access(), ids.number, media, patience)).toEqual({
      ok: true,
      value: { mediaId: '99' },
    });
    expect(form).toMatchObject({
      type: 'image/png',
      product: 'whatsapp',
      file: createHash('sha256')
        .update(Buffer.concat([megabyte, megabyte, megabyte]))
        .digest('hex'),
    });
    expect(Number(form.length)).toBeGreaterThan(3 * megabyte.length);
    expect(meta.heard[0]?.headers.authorization).toBe('Bearer EAA-the-token');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('and leave nothing behind when Meta or the source fails', async () => {
    await using meta = await loopbackServer((_heard, response) =>
      jsonAnswer(response, 400, { error: { code: 131053, message: 'x' } }),
    );
    const graph = graphAt(meta.url);
    const refused = await graph.uploadMedia(
      access(),
      ids.number,
      { content: streamed(), contentType: 'a/b' },
      patience,
    );
    expect(refused).toMatchObject({ ok: false, failure: { code: 131053 } });
    const broken = Readable.from(
      (async function* () {
        yield megabyte;
        throw new Error('S3 is away');
      })(),
    );
    await expect(
      graph.uploadMedia(access(), ids.number, { content: broken, contentType: 'a/b' }, patience),
    ).rejects.toThrow('S3 is away');
    expect(meta.heard).toHaveLength(1);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
