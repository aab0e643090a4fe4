import { describe, expect, test } from 'vitest';
import { awaitTransfer } from '../../../functions/media/await-transfer.ts';
import { completeUpload } from '../../../functions/media/complete-upload.ts';
import { fetchMedia } from '../../../functions/media/fetch-media.ts';
import { readMediaBody, uploadMedia } from '../../../functions/media/upload-media.ts';
import { agentId, mediaId, tenantId, transferId } from '../../../shared/contracts/ids.ts';
import { mostBytes, mostBytesDirect, type TransferMessage } from '../../../shared/contracts/media.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import { isToBegin, type MediaTransfer, type TransferEnd } from '../../../shared/domain/media-transfer.ts';
import { isRefused } from '../../../shared/domain/outcome.ts';
import { memoryVault, ok, scriptedGraph } from '../../support/fakes.ts';
import {
  inboundTransferOf,
  mediaAt,
  memoryTransfers,
  outboundTransferOf,
  someConversation,
  someMedia,
} from '../../support/media-fakes.ts';
import { agentRecordOf, ids, numberRecordOf } from '../../support/records.ts';

const caller = { tenantId: ids.tenant, subject: 'key_1', agentId: ids.agent };
const object = { key: 'media/acme/one', contentType: 'application/pdf', bytes: 3 };
const fetchedEnd: TransferEnd = { state: 'done', object };
const later = (milliseconds: number) => new Date(mediaAt.getTime() + milliseconds);

interface World {
  readonly transfers?: readonly MediaTransfer[];
  /** What the worker makes of it, and how many looks it takes. */
  readonly end?: TransferEnd;
  readonly looks?: number;
  readonly timeLeft?: number;
  readonly queueFails?: boolean;
  readonly erasedAt?: string;
  readonly isUploaded?: boolean;
}

const world = ({ transfers: given = [inboundTransferOf()], end = fetchedEnd, looks = 2, ...rest }: World = {}) => {
  const transfers = memoryTransfers(...given);
  let clock = mediaAt.getTime();
  const queued: TransferMessage[] = [];
  const signed: string[] = [];
  let waits = 0;
  const ports = {
    agents: { find: (tenant: string) => Promise.resolve(tenant === ids.tenant ? agentRecordOf() : undefined) },
    routing: {
      read: (_number: string, wanted: readonly (typeof someConversation)[]) => {
        const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: someConversation };
        const record = { ...newConversation(key, mediaAt), erasedAt: rest.erasedAt ?? null };
        return Promise.resolve({
          number: { ...numberRecordOf(), revision: 1 },
          conversations: new Map(wanted.map((id) => [id, record])),
        });
      },
    },
    transfers,
    queue: {
      send: (_tenant: string, message: TransferMessage) => {
        if (rest.queueFails === true) return Promise.reject(new Fault('queue-unavailable', { retryable: true }));
        queued.push(message);
        return Promise.resolve();
      },
    },
    door: {
      signDownload: (key: string, contentType: string) => {
        signed.push(`${key} ${contentType}`);
        return Promise.resolve(`https://s3.example/${key}?signed`);
      },
      signUpload: (key: string, limits: object) =>
        Promise.resolve({ url: 'https://s3.example/', fields: { key, limits: JSON.stringify(limits) } }),
      describe: () =>
        Promise.resolve(rest.isUploaded === false ? undefined : { contentType: 'application/pdf', bytes: 3 }),
    },
    opener: memoryVault({
      'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
        packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
    }),
    graph: scriptedGraph({ uploadMedia: () => ok({ mediaId: mediaId.parse('77') }) }),
    now: () => new Date(clock),
    timeLeft: () => rest.timeLeft ?? 29_000,
    sleep: async (milliseconds: number) => {
      clock += milliseconds;
      const [message] = queued;
      if (message !== undefined && ++waits >= looks)
        await transfers.finish(message.transferId, message.attempt, end, new Date(clock));
    },
  };
  const fetchIt = (who = caller, media = someMedia) => fetchMedia(who, { agentId: ids.agent, mediaId: media }, ports);
  const complete = (who = caller, id = outboundTransferOf().transferId) =>
    completeUpload(who, { agentId: ids.agent, uploadId: id }, ports);
  const upload = (body: Parameters<typeof uploadMedia>[2], digest: string | null = null) =>
    uploadMedia(caller, ids.agent, body, digest, ports);
  return { ports, transfers, queued, signed, fetchIt, complete, upload, elapsed: () => clock - mediaAt.getTime() };
};

const codeOf = (answer: object) => (isRefused(answer) ? answer.refused : answer);

describe('who asks for media', () => {
  test('has them moved, waits, and gets a URL', async () => {
    const it = world();
    expect(await it.fetchIt()).toMatchObject({ kind: 'found', location: 'https://s3.example/media/acme/one?signed' });
    expect(it.signed).toEqual(['media/acme/one application/pdf']);
    expect(it.queued).toHaveLength(1);
  });

  test('again, does not have them moved again', async () => {
    const it = world();
    await it.fetchIt();
    expect(await it.fetchIt()).toMatchObject({ kind: 'found' });
    expect(it.queued).toHaveLength(1);
  });

  test('at the same time as somebody else, waits for the same', async () => {
    const it = world({ looks: 3 });
    const answers = await Promise.all([it.fetchIt(), it.fetchIt(), it.fetchIt()]);
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'found' });
    expect(it.queued).toHaveLength(1);
  });

  test('and would wait longer than 20 s or than the request, is told where and when to ask again', async () => {
    for (const [timeLeft, longest] of [
      [29_000, 20_000],
      [8_000, 5_000],
    ] as const) {
      const it = world({ looks: 1_000, timeLeft });
      expect(await it.fetchIt()).toMatchObject({
        kind: 'accepted',
        location: `/v1/agents/support/media/${someMedia}`,
        retryAfterSeconds: 5,
      });
      expect(it.elapsed()).toBeLessThanOrEqual(longest);
      expect(it.elapsed()).toBeGreaterThan(longest - 2_000);
    }
  });

  test('learns why there are none, for a minute', async () => {
    const end: TransferEnd = { state: 'failed', refusal: { refused: 'media-damaged', details: { detail: 'x' } } };
    const it = world({ end });
    expect(codeOf(await it.fetchIt())).toBe('media-damaged');
    expect(codeOf(await it.fetchIt())).toBe('media-damaged');
    expect(it.queued).toHaveLength(1);
  });

  test('when the queue is out of order, may ask again at once', async () => {
    const it = world({ queueFails: true });
    await expect(it.fetchIt()).rejects.toThrow('queue-unavailable');
    expect((await it.transfers.find(inboundTransferOf().transferId))?.state).toBe('new');
  });

  test.each<[string, World, Partial<typeof caller>, string]>([
    ['of another tenant', {}, { tenantId: tenantId.parse('globex') }, someMedia],
    ['who was never told of them', {}, {}, '99999'],
    [
      'when another agent was told of them',
      { transfers: [inboundTransferOf({}, agentId.parse('other'))] },
      {},
      someMedia,
    ],
    ['after the customer was erased', { erasedAt: mediaAt.toISOString() }, {}, someMedia],
  ])('%s finds nothing, and nothing is moved', async (_who, given, who, media) => {
    const it = world(given);
    expect(codeOf(await it.fetchIt({ ...caller, ...who }, mediaId.parse(media)))).toBe('not-found');
    expect(it.queued).toEqual([]);
    expect(it.signed).toEqual([]);
  });
});

describe('a transfer is begun', () => {
  const minutes = 60_000;
  const hours = 60 * minutes;
  test.each<[string, boolean, MediaTransfer, number]>([
    ['that nobody has asked for', true, inboundTransferOf(), 0],
    ['that waits for a worker', false, inboundTransferOf({ state: 'queued', attempt: 'a' }), hours],
    ['that has waited too long', true, inboundTransferOf({ state: 'queued', attempt: 'a' }), hours + 1],
    ['that a worker is at', false, inboundTransferOf({ state: 'running', attempt: 'a' }), 6 * minutes],
    ['whose worker is dead', true, inboundTransferOf({ state: 'running', attempt: 'a' }), 6 * minutes + 1],
    ['that has just failed', false, inboundTransferOf({ state: 'failed' }), minutes],
    ['that failed a minute ago', true, inboundTransferOf({ state: 'failed' }), minutes + 1],
    ['that is done', false, inboundTransferOf({ state: 'done', object }), 20 * hours],
    ['whose object may be gone', true, inboundTransferOf({ state: 'done', object }), 20 * hours + 1],
    ['that Meta has', false, outboundTransferOf({ state: 'done', mediaId: mediaId.parse('7') }), 48 * hours],
  ])('%s: %s', (_which, expected, transfer, age) => {
    expect(isToBegin(transfer, later(age))).toBe(expected);
  });

  test('by one of those who find it dead', async () => {
    const dead = inboundTransferOf({ state: 'running', attempt: 'dead', changedAt: later(-7 * 60_000).toISOString() });
    const it = world({ transfers: [dead] });
    expect(await awaitTransfer(dead, it.ports)).toMatchObject({ state: 'done' });
    expect(await it.transfers.finish(dead.transferId, 'dead', { state: 'new' }, mediaAt)).toBe(false);
  });
});

describe('an upload', () => {
  const end: TransferEnd = { state: 'done', mediaId: mediaId.parse('77') };

  test('is completed once, however often it is asked for', async () => {
    const it = world({ transfers: [outboundTransferOf()], end });
    expect(await it.complete()).toMatchObject({ kind: 'created', body: { id: '77' } });
    expect(await it.complete()).toMatchObject({ kind: 'created', body: { id: '77' } });
    expect(it.queued).toHaveLength(1);
  });

  test('is not begun before there is a file', async () => {
    const it = world({ transfers: [outboundTransferOf()], isUploaded: false });
    expect(codeOf(await it.complete())).toBe('upload-missing');
    expect(it.queued).toEqual([]);
  });

  test('that takes longer is asked for again', async () => {
    const it = world({ transfers: [outboundTransferOf()], end, looks: 1_000 });
    expect(await it.complete()).toMatchObject({
      kind: 'accepted',
      location: `/v1/agents/support/media/${outboundTransferOf().transferId}/complete`,
    });
  });

  test.each<[string, Partial<MediaTransfer> & { readonly direction?: 'outbound' }]>([
    ['another agent', { agentId: agentId.parse('other') }],
    ['another tenant', { tenantId: tenantId.parse('globex') }],
    ['another number', { phoneNumberId: ids.otherNumber }],
  ])('of %s is not found', async (_whose, change) => {
    const it = world({ transfers: [outboundTransferOf(change as Parameters<typeof outboundTransferOf>[0])], end });
    expect(codeOf(await it.complete())).toBe('not-found');
    expect(it.queued).toEqual([]);
  });

  test('of a small file goes to Meta at once', async () => {
    const it = world();
    const answer = await it.upload({ file: Buffer.from('x'), contentType: 'image/png' });
    expect(answer).toEqual({ kind: 'created', body: { id: '77' } });
  });

  test('under the Idempotency-Key of one that is complete gets no form: it would bring another file under the same id', async () => {
    const it = world({ transfers: [], end });
    const wish = { file: null, wish: { contentType: 'video/mp4' } } as const;
    const { id } = ((await it.upload(wish, 'digest')) as { body: { id: string } }).body;
    await it.complete(caller, transferId.parse(id));
    expect(codeOf(await it.upload(wish, 'digest'))).toBe('idempotency-key-reused');
    expect(await it.upload(wish, 'other')).toMatchObject({ kind: 'created' });
  });

  test('of a larger one gets a form for this type and size, the same under the same request', async () => {
    const it = world({ transfers: [] });
    const wish = { file: null, wish: { contentType: 'video/mp4' } } as const;
    const one = await it.upload(wish, 'digest');
    expect(one).toMatchObject({
      kind: 'created',
      isRemade: true,
      body: { maxBytes: mostBytes.video, expiresAt: later(15 * 60_000).toISOString() },
    });
    const { id, fields } = (one as { body: { id: string; fields: { key: string; limits: string } } }).body;
    expect(fields.key).toBe(`uploads/acme/${id}`);
    expect(JSON.parse(fields.limits)).toEqual({ contentType: 'video/mp4', mostBytes: mostBytes.video });
    expect(await it.upload(wish, 'digest')).toMatchObject({ body: { id } });
    expect(await it.upload(wish, 'other')).not.toMatchObject({ body: { id } });
    expect(await it.upload(wish, null)).not.toMatchObject({ body: { id } });
    expect(it.transfers.rows.get(id)).toMatchObject({ direction: 'outbound', agentId: ids.agent, state: 'new' });
  });
});

describe('the body of an upload', () => {
  const bodyOf = (bytes: Uint8Array, type: string | undefined) => readMediaBody(bytes, type);

  test('is the file, of a type that WhatsApp takes, however it is written', () => {
    const file = Buffer.from('x');
    for (const type of ['image/png', 'IMAGE/PNG', 'image/png; charset=binary', ' image/png '])
      expect(bodyOf(file, type)).toEqual({ body: { file, contentType: 'image/png' } });
  });

  test('or JSON that asks for a form', () => {
    const wish = Buffer.from('{"contentType":"application/pdf"}');
    expect(bodyOf(wish, 'application/json; charset=utf-8')).toEqual({
      body: { file: null, wish: { contentType: 'application/pdf' } },
    });
    expect(codeOf(bodyOf(Buffer.from('{'), 'application/json'))).toBe('malformed-body');
    expect(codeOf(bodyOf(Buffer.from('{"contentType":"a/b"}'), 'application/json'))).toBe('invalid-request');
    expect(codeOf(bodyOf(Buffer.from('{"contentType":"image/png","x":1}'), 'application/json'))).toBe(
      'invalid-request',
    );
  });

  test.each<[string, Uint8Array, string | undefined, string]>([
    ['without a type', Buffer.from('x'), undefined, 'media-type-refused'],
    ['of a type of no use', Buffer.from('x'), 'application/zip', 'media-type-refused'],
    ['of a text, which the gateway would change', Buffer.from('x'), 'text/plain', 'media-type-refused'],
    ['as a multipart form', Buffer.from('x'), 'multipart/form-data; boundary=x', 'media-type-refused'],
    ['that is empty', new Uint8Array(), 'image/png', 'upload-missing'],
    ['larger than its kind may be', new Uint8Array(mostBytes.sticker + 1), 'image/webp', 'media-too-large'],
    ['larger than fits', new Uint8Array(mostBytesDirect + 1), 'application/pdf', 'body-too-large'],
  ])('%s is refused', (_what, bytes, type, code) => {
    expect(codeOf(bodyOf(bytes, type))).toBe(code);
  });

  test('may be as large as its kind, or as fits', () => {
    expect(bodyOf(new Uint8Array(mostBytes.sticker), 'image/webp')).toHaveProperty('body');
    expect(bodyOf(new Uint8Array(mostBytesDirect), 'application/pdf')).toHaveProperty('body');
  });
});
