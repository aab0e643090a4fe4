import { Readable } from 'node:stream';
import { type MediaKind, mostBytes, mostBytesInbound, uploadKinds } from '../contracts/media.ts';
import type { ProblemDetails } from '../contracts/problem.ts';
import { mediaDigest, readSha256 } from '../crypto/media-digest.ts';
import { isErasedSince, type RoutingStore, readConversation } from './conversation.ts';
import type { Graph, GraphAccess, GraphFailure } from './graph.ts';
import { withGraphAccess } from './graph-access.ts';
import type { MediaRelay } from './media-relay.ts';
import {
  type InboundTransfer,
  type MediaTransfer,
  mediaBelow,
  type OutboundTransfer,
  type TransferEnd,
} from './media-transfer.ts';
import { refusalOf, refusalOfRepeatable } from './message-refusal.ts';
import { type Refused, refuse } from './outcome.ts';
import type { NumberRecord } from './records.ts';
import type { SecretOpener } from './vault.ts';

export interface MoveMediaPorts {
  readonly routing: Pick<RoutingStore, 'read'>;
  readonly relay: MediaRelay;
  readonly vault: SecretOpener;
  readonly graph: Pick<Graph, 'describeMedia' | 'openMedia' | 'uploadMedia'>;
  /** How much work this invocation may still do, in milliseconds. */
  readonly timeLeft: () => number;
}

/** Moves media from Meta into the relay bucket, or from there to Meta; nothing of it is ever held in memory as a whole. */
export const moveMedia = async (transfer: MediaTransfer, ports: MoveMediaPorts): Promise<TransferEnd> => {
  const { number } = await ports.routing.read(transfer.phoneNumberId, []);
  if (number?.tenantId !== transfer.tenantId || number.stopped !== null) return failed(refuse('integration-stopped'));
  return transfer.direction === 'inbound' ? fetchIn(transfer, number, ports) : handOver(transfer, number, ports);
};

const failed = (refusal: Refused): TransferEnd => ({ state: 'failed', refusal });

/** A download URL is good for five minutes, and may be over before it is used: then a new one is asked for. */
const mostUrls = 2;

const fetchIn = async (
  transfer: InboundTransfer,
  number: NumberRecord,
  ports: MoveMediaPorts,
): Promise<TransferEnd> => {
  const end = await withGraphAccess(ports.vault, number, (access) => fetchWith(access, transfer, ports));
  if (end.state !== 'done' || !('object' in end)) return end;
  // Who was erased meanwhile leaves nothing behind.
  const conversation = await readConversation(transfer, ports.routing);
  if (!isErasedSince(conversation, transfer.receivedAt)) return end;
  await ports.relay.delete(end.object.key);
  return failed(refuse('not-found'));
};

const fetchWith = async (
  access: GraphAccess,
  transfer: InboundTransfer,
  { graph, relay, timeLeft }: MoveMediaPorts,
): Promise<TransferEnd> => {
  const { phoneNumberId, mediaId } = transfer;
  for (let urls = 1; ; urls++) {
    const described = await graph.describeMedia(access, phoneNumberId, mediaId);
    if (!described.ok) return failed(isInvisible(described.failure) ? gone : refusalOfMedia(described.failure));
    const { url, contentType, bytes, sha256 } = described.value;
    if (bytes > mostBytesInbound) return failed(refuse('media-too-large', tooLargeInbound));
    const expected = readSha256(sha256);
    if (expected === undefined) return failed(damaged('Meta names no SHA-256 of it.'));
    const source = await graph.openMedia(access, url, timeLeft());
    if (source.outcome === 'gone' && urls < mostUrls) continue;
    if (source.outcome !== 'opened') return failed(refusalOfSource(source.outcome));
    const key = `${mediaBelow(transfer.tenantId, transfer.conversationId)}${transfer.transferId}`;
    const content = Readable.from(checked(source.content, { bytes, sha256: expected }));
    try {
      await relay.put(key, content, contentType);
      return { state: 'done', object: { key, contentType, bytes } };
    } catch (error) {
      if (error instanceof Damaged) return failed(damaged(error.message));
      throw error;
    } finally {
      content.destroy();
    }
  }
};

/** What Meta gives is not what it has announced; the message says in which way, and is shown. */
class Damaged extends Error {}

/** Passes the bytes on while they are what was announced. What is kept of a stream that ends badly is nothing. */
async function* checked(
  content: AsyncIterable<Uint8Array>,
  announced: { readonly bytes: number; readonly sha256: Uint8Array },
): AsyncGenerator<Uint8Array> {
  const digest = mediaDigest();
  let bytes = 0;
  try {
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      if (bytes > announced.bytes) break;
      digest.add(chunk);
      yield chunk;
    }
  } catch {
    throw new Damaged('The connection to Meta broke in the middle of it.');
  }
  if (bytes > announced.bytes) throw new Damaged('It is longer than Meta has announced.');
  if (bytes < announced.bytes) throw new Damaged('It is shorter than Meta has announced.');
  if (!digest.isOf(announced.sha256)) throw new Damaged('Its SHA-256 is not the one that Meta names.');
}

/** What is said of a file that is larger than WhatsApp takes for its kind. */
export const tooLarge = (kind: MediaKind): ProblemDetails => ({
  detail: `WhatsApp allows ${mostBytes[kind]} bytes for a file of this type, which is sent as ${kind}.`,
  guidance: 'Make it smaller, or send it as a document of another type.',
});

const tooLargeInbound: ProblemDetails = {
  detail: `At most ${mostBytesInbound} bytes come from a customer.`,
  guidance: 'Ask the customer for a smaller one, or for a link.',
};

const damaged = (detail: string): Refused =>
  refuse('media-damaged', { detail, guidance: 'Nothing of it is kept. Ask again in a minute.', retryAfterSeconds: 60 });

const refusalOfSource = (outcome: 'gone' | 'foreign-host' | 'unavailable'): Refused => {
  switch (outcome) {
    case 'gone':
      return gone;
    case 'foreign-host':
      return damaged('Meta names a place outside its own hosts: the token is not sent there.');
    case 'unavailable':
      return refusalOf({ kind: 'not-sent' });
    default:
      return outcome satisfies never;
  }
};

const gone = refuse('media-gone', {
  detail: 'Meta keeps what a customer has sent for 7 days, and gives it to the number that it was sent to.',
  guidance: 'Ask the customer to send it again.',
});

const isInvisible = (failure: GraphFailure): boolean =>
  failure.kind === 'refused' && failure.refusal === 'object-invisible';

/** A read and an upload may be repeated, whatever became of them. */
export const refusalOfMedia = (failure: GraphFailure): Refused => {
  const { refused, details } = refusalOfRepeatable(failure);
  return refuse(refused === 'message-refused' ? 'media-refused' : refused, details);
};

const handOver = async (
  transfer: OutboundTransfer,
  number: NumberRecord,
  ports: MoveMediaPorts,
): Promise<TransferEnd> => {
  const { objectKey, contentType } = transfer;
  const facts = await ports.relay.describe(objectKey);
  const kind = uploadKinds.get(contentType);
  if (facts === undefined || kind === undefined) return failed(uploadMissing);
  if (facts.bytes > mostBytes[kind]) return failed(refuse('media-too-large', tooLarge(kind)));
  const content = await ports.relay.read(objectKey);
  if (content === undefined) return failed(uploadMissing);
  const sent = await withGraphAccess(ports.vault, number, (access) =>
    ports.graph.uploadMedia(access, number.phoneNumberId, { content, contentType }, ports.timeLeft()),
  );
  return sent.ok ? { state: 'done', mediaId: sent.value.mediaId } : failed(refusalOfMedia(sent.failure));
};

/** What Meta has by now, and that is on record, is needed here no more; whatever is left of it goes by itself within 48 hours. */
export const tidyAfter = async (
  transfer: MediaTransfer,
  end: TransferEnd,
  relay: Pick<MediaRelay, 'delete'>,
): Promise<void> => {
  if (transfer.direction === 'outbound' && end.state === 'done')
    await relay.delete(transfer.objectKey).catch(() => undefined);
};

export const uploadMissing = refuse('upload-missing', {
  guidance: 'Send the file with the form that you were given, then ask again.',
});
