import { Readable } from 'node:stream';
import { conversationId, mediaId, transferId } from '../../shared/contracts/ids.ts';
import type { MediaRelay } from '../../shared/domain/media-relay.ts';
import {
  type InboundTransfer,
  isUnderWay,
  type MediaTransfer,
  type MediaTransferStore,
  mediaOfEvent,
  type OutboundTransfer,
} from '../../shared/domain/media-transfer.ts';
import { ids } from './records.ts';

export const mediaAt = new Date('2026-11-26T10:00:00.000Z');
export const someMedia = mediaId.parse('1234567890');
export const someConversation = conversationId.parse(`conv_${'c'.repeat(43)}`);

/** Of a document that an agent was told of. */
export const inboundTransferOf = (change: Partial<InboundTransfer> = {}, agent = ids.agent): InboundTransfer => {
  const event = { kind: 'message', value: { type: 'document', document: { id: someMedia } } } as const;
  const place = { tenantId: ids.tenant, credentialId: ids.credential, phoneNumberId: ids.number };
  const envelope = { ...place, conversationId: someConversation, receivedAt: mediaAt.toISOString() };
  const transfer = mediaOfEvent(envelope, event, agent, mediaAt);
  if (transfer === undefined) throw new Error('A document gives no right to itself.');
  return { ...transfer, ...change };
};

/** Of a document that the agent has brought. */
export const outboundTransferOf = (change: Partial<OutboundTransfer> = {}): OutboundTransfer => ({
  direction: 'outbound',
  transferId: transferId.parse(`upl_${'u'.repeat(43)}`),
  tenantId: ids.tenant,
  agentId: ids.agent,
  phoneNumberId: ids.number,
  objectKey: 'uploads/acme/one',
  contentType: 'application/pdf',
  mediaId: null,
  state: 'new',
  attempt: null,
  refusal: null,
  createdAt: mediaAt.toISOString(),
  changedAt: mediaAt.toISOString(),
  ...change,
});

/** Transfers as the Events table keeps them: test/integration/media-transfer-store.test.ts holds both to the same promises. */
export const memoryTransfers = (...transfers: readonly MediaTransfer[]) => {
  const rows = new Map<string, MediaTransfer>(transfers.map((transfer) => [transfer.transferId, transfer]));
  const store: MediaTransferStore = {
    open(transfer) {
      const known = rows.get(transfer.transferId) ?? transfer;
      rows.set(transfer.transferId, known);
      return Promise.resolve(known);
    },
    find: (id) => Promise.resolve(rows.get(id)),
    begin({ transferId: id, state, changedAt }, attempt, now) {
      const row = rows.get(id);
      if (row?.state !== state || row.changedAt !== changedAt) return Promise.resolve(undefined);
      const begun: MediaTransfer = { ...row, state: 'queued', attempt, changedAt: now.toISOString(), refusal: null };
      rows.set(id, begun);
      return Promise.resolve(begun);
    },
    start(id, attempt, now) {
      const row = rows.get(id);
      if (row === undefined || !isUnderWay(row) || row.attempt !== attempt) return Promise.resolve(undefined);
      const started: MediaTransfer = { ...row, state: 'running', changedAt: now.toISOString() };
      rows.set(id, started);
      return Promise.resolve(started);
    },
    finish(id, attempt, end, now) {
      const row = rows.get(id);
      if (row === undefined || !isUnderWay(row) || row.attempt !== attempt) return Promise.resolve(false);
      rows.set(id, { ...row, ...end, attempt: null, changedAt: now.toISOString() } as MediaTransfer);
      return Promise.resolve(true);
    },
  };
  return { ...store, rows };
};

/** The relay bucket in memory: nothing is there of a stream that ends badly. */
export const memoryMediaRelay = (objects: Readonly<Record<string, Uint8Array>> = {}) => {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly contentType: string }>(
    Object.entries(objects).map(([key, bytes]) => [key, { bytes, contentType: 'application/pdf' }]),
  );
  const relay: MediaRelay = {
    async put(key, content, contentType) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk as Uint8Array);
      kept.set(key, { bytes: Buffer.concat(chunks), contentType });
    },
    describe: (key) => {
      const found = kept.get(key);
      return Promise.resolve(found && { contentType: found.contentType, bytes: found.bytes.byteLength });
    },
    read: (key) => {
      const found = kept.get(key);
      return Promise.resolve(found && Readable.from([found.bytes]));
    },
    delete: (key) => {
      kept.delete(key);
      return Promise.resolve();
    },
  };
  return { ...relay, kept };
};
