import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { mediaId, tenantId } from '../../../shared/contracts/ids.ts';
import { mostBytes, mostBytesInbound } from '../../../shared/contracts/media.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../../shared/crypto/secret-parts.ts';
import { newConversation } from '../../../shared/domain/conversation.ts';
import type { GraphFailure, MediaFacts, MediaSource, MediaUpload } from '../../../shared/domain/graph.ts';
import { type MediaTransfer, mediaBelow } from '../../../shared/domain/media-transfer.ts';
import { type MoveMediaPorts, moveMedia, tidyAfter } from '../../../shared/domain/move-media.ts';
import type { ConversationRecord, NumberRecord } from '../../../shared/domain/records.ts';
import { failing, memoryVault, ok, scriptedGraph } from '../../support/fakes.ts';
import {
  inboundTransferOf,
  mediaAt,
  memoryMediaRelay,
  outboundTransferOf,
  someConversation,
} from '../../support/media-fakes.ts';
import { ids, numberRecordOf } from '../../support/records.ts';

const bytes = Buffer.from('what the customer has sent');
const sha256 = createHash('sha256').update(bytes);
const hex = sha256.copy().digest('hex');
const key = `${mediaBelow(ids.tenant, someConversation)}${inboundTransferOf().transferId}`;

async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
async function* brokenAfter(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
  throw new Error('terminated');
}

interface World {
  readonly facts?: Partial<MediaFacts> | GraphFailure;
  readonly sources?: readonly (() => MediaSource)[];
  readonly number?: Partial<NumberRecord> | null;
  readonly conversation?: Partial<ConversationRecord>;
  readonly objects?: Readonly<Record<string, Uint8Array>>;
  readonly upload?: GraphFailure;
}

const opened = (content: AsyncIterable<Uint8Array>) => (): MediaSource => ({ outcome: 'opened', content });

const world = ({ facts = {}, number = {}, conversation, objects, upload, ...rest }: World = {}) => {
  const sources = rest.sources ?? [opened(streamOf(bytes.subarray(0, 5), bytes.subarray(5)))];
  const asked: string[] = [];
  const uploads: { readonly contentType: string; readonly content: string }[] = [];
  const relay = memoryMediaRelay(objects);
  const record = conversation && {
    ...newConversation({ tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: someConversation }, mediaAt),
    ...conversation,
  };
  const vault = memoryVault({
    'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
      packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
  });
  const ports: MoveMediaPorts = {
    routing: {
      read: (_number, wanted) =>
        Promise.resolve({
          number: number === null ? undefined : { ...numberRecordOf(number), revision: 1 },
          conversations: new Map(record === undefined ? [] : wanted.map((id) => [id, record])),
        }),
    },
    relay,
    vault,
    graph: scriptedGraph({
      describeMedia: (access, from, media) => {
        asked.push(`describe ${access.accessToken.revealText()} ${from} ${media}`);
        const described = {
          url: 'https://lookaside.fbsbx.com/1',
          contentType: 'application/pdf',
          bytes: bytes.length,
          sha256: hex,
        };
        return 'kind' in facts ? failing(facts) : ok({ ...described, ...facts });
      },
      openMedia: (_access, url) => {
        const at = asked.push(`open ${url}`);
        const source = sources[Math.min(sources.length, Math.ceil(at / 2)) - 1];
        return Promise.resolve(source?.() ?? { outcome: 'unavailable' });
      },
      uploadMedia: async (_access, from, media: MediaUpload) => {
        expect(from).toBe(ids.number);
        let content = '';
        for await (const chunk of media.content as AsyncIterable<Uint8Array>) content += Buffer.from(chunk).toString();
        uploads.push({ contentType: media.contentType, content });
        return upload === undefined ? ok({ mediaId: mediaId.parse('77') }) : failing(upload);
      },
    }),
    timeLeft: () => 60_000,
  };
  return { move: (transfer: MediaTransfer) => moveMedia(transfer, ports), asked, relay, uploads, vault };
};

const refusalIn = (end: Awaited<ReturnType<typeof moveMedia>>) => (end.state === 'failed' ? end.refusal.refused : end);

describe('media of a customer', () => {
  test('are put where the customer can be erased, with their type, and asked for in the name of the number', async () => {
    const it = world();
    expect(await it.move(inboundTransferOf())).toEqual({
      state: 'done',
      object: { key, contentType: 'application/pdf', bytes: bytes.length },
    });
    expect(it.relay.kept.get(key)?.bytes).toEqual(bytes);
    expect(it.asked).toEqual([`describe the token ${ids.number} 1234567890`, 'open https://lookaside.fbsbx.com/1']);
    expect(() => it.vault.handedOut[0]?.bytes()).toThrow();
  });

  test('are checked against a SHA-256 in hex or in base64', async () => {
    for (const spelling of [hex.toUpperCase(), sha256.copy().digest('base64')]) {
      const it = world({ facts: { sha256: spelling } });
      expect(await it.move(inboundTransferOf())).toMatchObject({ state: 'done' });
    }
  });

  test.each<[string, World]>([
    ['have another SHA-256', { facts: { sha256: '0'.repeat(64) } }],
    ['have none', { facts: { sha256: 'none' } }],
    ['are longer than announced', { facts: { bytes: bytes.length - 1 } }],
    ['are shorter than announced', { facts: { bytes: bytes.length + 1 } }],
    ['break off', { sources: [opened(brokenAfter(bytes.subarray(0, 5)))] }],
    ['break off at the very end', { sources: [opened(brokenAfter(bytes))] }],
    ['lie at a foreign host', { sources: [() => ({ outcome: 'foreign-host' })] }],
  ])('are refused when they %s, and nothing of them is kept', async (_how, given) => {
    const it = world(given);
    expect(refusalIn(await it.move(inboundTransferOf()))).toBe('media-damaged');
    expect(it.relay.kept.size).toBe(0);
  });

  test('endless ones are left off at the announced length', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        given += bytes.length;
        yield bytes;
      }
    }
    const it = world({ sources: [opened(endless())] });
    expect(refusalIn(await it.move(inboundTransferOf()))).toBe('media-damaged');
    expect(given).toBeLessThan(10 * bytes.length);
  });

  test('may be as large as Meta gives, and no byte larger', async () => {
    expect(refusalIn(await world({ facts: { bytes: mostBytesInbound + 1 } }).move(inboundTransferOf()))).toBe(
      'media-too-large',
    );
    expect(refusalIn(await world({ facts: { bytes: mostBytesInbound } }).move(inboundTransferOf()))).toBe(
      'media-damaged',
    );
  });

  test('are asked for under a new URL when the first is over, once', async () => {
    const gone = (): MediaSource => ({ outcome: 'gone' });
    const it = world({ sources: [gone, opened(streamOf(bytes))] });
    expect(await it.move(inboundTransferOf())).toMatchObject({ state: 'done' });
    expect(it.asked).toHaveLength(4);
    const never = world({ sources: [gone] });
    expect(refusalIn(await never.move(inboundTransferOf()))).toBe('media-gone');
    expect(never.asked).toHaveLength(4);
  });

  test.each<[string, GraphFailure, string]>([
    ['invisible', { kind: 'refused', refusal: 'object-invisible', code: 100, subcode: 33 }, 'media-gone'],
    ['refused otherwise', { kind: 'refused', refusal: 'permission-missing', code: 10 }, 'media-refused'],
    ['unanswered', { kind: 'unknown-outcome' }, 'meta-unreachable'],
    ['unreachable', { kind: 'not-sent' }, 'meta-unreachable'],
  ])('that are %s at Meta are so for the agent', async (_how, facts, code) => {
    expect(refusalIn(await world({ facts }).move(inboundTransferOf()))).toBe(code);
  });

  test('of a customer who was erased meanwhile leave nothing behind', async () => {
    const it = world({ conversation: { erasedAt: mediaAt.toISOString() } });
    expect(refusalIn(await it.move(inboundTransferOf()))).toBe('not-found');
    expect(it.relay.kept.size).toBe(0);
    const later = world({ conversation: { erasedAt: '2026-11-26T09:59:59.999Z' } });
    expect(await later.move(inboundTransferOf())).toMatchObject({ state: 'done' });
    // It counts when it came, not when the router came to it.
    const between = world({ conversation: { erasedAt: mediaAt.toISOString() } });
    const late = inboundTransferOf({ createdAt: '2026-11-26T10:00:05.000Z' });
    expect(refusalIn(await between.move(late))).toBe('not-found');
  });

  test.each<[string, Partial<NumberRecord> | null]>([
    ['nobody has any more', null],
    ['is another tenant’s by now', { tenantId: tenantId.parse('globex') }],
    ['is stopped', { stopped: { code: 'account-disabled', since: mediaAt.toISOString() } }],
  ])('of a number that %s are not asked for', async (_how, number) => {
    const it = world({ number });
    expect(refusalIn(await it.move(inboundTransferOf()))).toBe('integration-stopped');
    expect(it.asked).toEqual([]);
    expect(it.vault.opened).toEqual([]);
  });
});

describe('what an agent has brought', () => {
  const objects = { 'uploads/acme/one': bytes };

  test('is handed over to Meta, and gone from here once that is on record', async () => {
    const it = world({ objects });
    expect(await it.move(outboundTransferOf())).toEqual({ state: 'done', mediaId: '77' });
    expect(it.uploads).toEqual([{ contentType: 'application/pdf', content: bytes.toString() }]);
    // Until it is on record who has it, a worker that takes it up again needs it.
    expect(it.relay.kept.size).toBe(1);
    await tidyAfter(outboundTransferOf(), { state: 'new' }, it.relay);
    await tidyAfter(inboundTransferOf(), { state: 'done', mediaId: mediaId.parse('77') }, it.relay);
    expect(it.relay.kept.size).toBe(1);
    await tidyAfter(outboundTransferOf(), { state: 'done', mediaId: mediaId.parse('77') }, it.relay);
    expect(it.relay.kept.size).toBe(0);
  });

  test('stays while Meta does not take it', async () => {
    const it = world({ objects, upload: { kind: 'refused', refusal: 'other', code: 131053 } });
    expect(refusalIn(await it.move(outboundTransferOf()))).toBe('media-refused');
    expect(it.relay.kept.size).toBe(1);
    const silent = world({ objects, upload: { kind: 'unknown-outcome' } });
    expect(refusalIn(await silent.move(outboundTransferOf()))).toBe('meta-unreachable');
  });

  test('is refused when it is not there or too large, whatever the form allowed', async () => {
    expect(refusalIn(await world().move(outboundTransferOf()))).toBe('upload-missing');
    const sticker = { ...outboundTransferOf(), contentType: 'image/webp' };
    const large = world({ objects: { 'uploads/acme/one': new Uint8Array(mostBytes.sticker + 1) } });
    expect(refusalIn(await large.move(sticker))).toBe('media-too-large');
    expect(large.uploads).toEqual([]);
  });
});
