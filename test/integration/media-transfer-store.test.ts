import { describe, expect, test } from 'vitest';
import { mediaTransferStore } from '../../shared/adapters/media-transfer-store.ts';
import { mediaId } from '../../shared/contracts/ids.ts';
import type { MediaTransferStore } from '../../shared/domain/media-transfer.ts';
import { inboundTransferOf, mediaAt, memoryTransfers, outboundTransferOf } from '../support/media-fakes.ts';
import { dynamoDbOf, engineNames, makeTable } from './support/engines.ts';

const inbound = inboundTransferOf();
const outbound = outboundTransferOf();
const at = (seconds: number) => new Date(mediaAt.getTime() + seconds * 1000);
const object = { key: 'media/acme/one', contentType: 'application/pdf', bytes: 3 };
const refusal = { refused: 'media-damaged', details: { detail: 'x' } } as const;

// The fake that the unit tests stand on keeps the same promises.
const stores: readonly [string, () => Promise<MediaTransferStore>][] = [
  ['in memory', () => Promise.resolve(memoryTransfers())],
  ...engineNames.map((engine): [string, () => Promise<MediaTransferStore>] => [
    `on ${engine}`,
    async () => mediaTransferStore(dynamoDbOf(engine), await makeTable(engine)),
  ]),
];

describe.each(stores)('media on their way, %s', (_where, storeOf) => {
  test('are opened once: whoever opens them again changes nothing', async () => {
    const store = await storeOf();
    expect(await store.open(inbound)).toEqual(inbound);
    expect(await store.find(inbound.transferId)).toEqual(inbound);
    await store.begin(inbound, 'one', at(1));
    expect(await store.open({ ...inbound, createdAt: at(2).toISOString() })).toMatchObject({
      state: 'queued',
      createdAt: inbound.createdAt,
    });
    expect(await store.find(inbound.transferId)).toMatchObject({ state: 'queued', attempt: 'one' });
    expect(await store.find(outbound.transferId)).toBeUndefined();
  });

  test('are begun by one of those who have read the same', async () => {
    const store = await storeOf();
    await store.open(inbound);
    const begun = await Promise.all(['a', 'b', 'c'].map((attempt) => store.begin(inbound, attempt, at(1))));
    const [winner, ...others] = begun.filter((it) => it !== undefined);
    expect(others).toEqual([]);
    expect(winner).toMatchObject({ state: 'queued', changedAt: at(1).toISOString() });
    expect(await store.find(inbound.transferId)).toEqual(winner);
  });

  test('are taken up by the worker whose attempt counts, again after a crash, and by nobody when it is over', async () => {
    const store = await storeOf();
    await store.open(inbound);
    expect(await store.start(inbound.transferId, 'one', at(1))).toBeUndefined();
    await store.begin(inbound, 'one', at(1));
    expect(await store.start(inbound.transferId, 'other', at(2))).toBeUndefined();
    for (const seconds of [2, 3])
      expect(await store.start(inbound.transferId, 'one', at(seconds))).toMatchObject({
        state: 'running',
        changedAt: at(seconds).toISOString(),
      });
    await store.finish(inbound.transferId, 'one', { state: 'done', object }, at(4));
    expect(await store.start(inbound.transferId, 'one', at(5))).toBeUndefined();
  });

  test('are finished by the latest attempt alone, once', async () => {
    const store = await storeOf();
    await store.open(inbound);
    const first = await store.begin(inbound, 'first', at(1));
    expect(first).toBeDefined();
    await store.begin(first ?? inbound, 'second', at(2));
    expect(await store.finish(inbound.transferId, 'first', { state: 'done', object }, at(3))).toBe(false);
    expect(await store.finish(inbound.transferId, 'second', { state: 'done', object }, at(4))).toBe(true);
    expect(await store.finish(inbound.transferId, 'second', { state: 'failed', refusal }, at(5))).toBe(false);
    expect(await store.find(inbound.transferId)).toEqual({
      ...inbound,
      state: 'done',
      object,
      changedAt: at(4).toISOString(),
    });
  });

  test('say why they failed until they are begun again', async () => {
    const store = await storeOf();
    await store.open(outbound);
    await store.begin(outbound, 'one', at(1));
    await store.finish(outbound.transferId, 'one', { state: 'failed', refusal }, at(2));
    const failed = await store.find(outbound.transferId);
    expect(failed).toMatchObject({ state: 'failed', refusal, attempt: null });
    expect(await store.begin(failed ?? outbound, 'two', at(3))).toMatchObject({ refusal: null });
    await store.finish(outbound.transferId, 'two', { state: 'done', mediaId: mediaId.parse('77') }, at(4));
    expect(await store.find(outbound.transferId)).toMatchObject({ state: 'done', mediaId: '77', refusal: null });
  });

  test('that nobody could queue are as before', async () => {
    const store = await storeOf();
    await store.open(outbound);
    await store.begin(outbound, 'one', at(1));
    expect(await store.finish(outbound.transferId, 'one', { state: 'new' }, at(2))).toBe(true);
    expect(await store.find(outbound.transferId)).toMatchObject({ state: 'new', attempt: null });
  });
});
