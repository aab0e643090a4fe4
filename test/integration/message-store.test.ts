import { describe, expect, test } from 'vitest';
import { customerEraser } from '../../shared/adapters/customer-eraser.ts';
import { messageStore } from '../../shared/adapters/message-store.ts';
import { conversationId, messageId, tenantId } from '../../shared/contracts/ids.ts';
import type { MessageStatus } from '../../shared/contracts/message.ts';
import type { MessageRecord } from '../../shared/domain/sent-message.ts';
import { ids } from '../support/records.ts';
import { memoryRelay } from '../support/routing-fakes.ts';
import { dynamoDbOf, type EngineName, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

const id = messageId.parse(`msg_${'m'.repeat(43)}`);
const conversation = conversationId.parse(`conv_${'c'.repeat(43)}`);
const at = new Date().toISOString();
const wamid = 'wamid.HBgLNDkxNTE=';
const message = (change: Partial<MessageRecord> = {}): MessageRecord => ({
  messageId: id,
  tenantId: ids.tenant,
  agentId: ids.agent,
  phoneNumberId: ids.number,
  conversationId: conversation,
  sentBy: 'ada',
  status: 'sending',
  wamid: null,
  failure: null,
  createdAt: at,
  updatedAt: at,
  ...change,
});
const reported = (status: MessageStatus) => ({ status, wamid, failure: null });

const world = async (engine: EngineName) => {
  const client = dynamoDbOf(engine);
  const tables = { directory: await makeTable(engine), events: await makeTable(engine) };
  const store = messageStore(client, tables.events);
  const statusOf = async () => (await store.find(id))?.status;
  return { client, tables, store, statusOf };
};

describe.each(engineNames)('messages on %s', (engine) => {
  test('are begun once; whoever begins one again learns how far it is', async () => {
    const { store } = await world(engine);
    expect(await store.begin(message())).toBeUndefined();
    expect(await store.begin(message({ sentBy: 'eve' }))).toMatchObject({ status: 'sending', sentBy: 'ada' });
    await store.finish(id, { status: 'accepted', wamid, failure: null });
    expect(await store.begin(message())).toMatchObject({ status: 'accepted', wamid });
  });

  test('that Meta has not taken may be begun again, those of which nobody knows may not', async () => {
    const { store } = await world(engine);
    await store.begin(message());
    await store.finish(id, { status: 'refused', wamid: null, failure: null });
    expect(await store.begin(message())).toBeUndefined();
    await store.finish(id, { status: 'unknown', wamid: null, failure: null });
    expect(await store.begin(message())).toMatchObject({ status: 'unknown' });
  });

  test('never become less than Meta has said of them', async () => {
    const { store, statusOf } = await world(engine);
    await store.begin(message());
    await store.finish(id, { status: 'accepted', wamid, failure: null });
    const seen: (MessageStatus | undefined)[] = [];
    for (const status of ['read', 'sent', 'delivered', 'read'] as const) {
      await store.note(id, ids.tenant, reported(status));
      seen.push(await statusOf());
    }
    expect(seen).toEqual(['read', 'read', 'read', 'read']);
  });

  test('keep what Meta has reported before it answered', async () => {
    const { store } = await world(engine);
    await store.begin(message());
    await store.note(id, ids.tenant, reported('delivered'));
    await store.finish(id, { status: 'accepted', wamid: 'another', failure: null });
    expect(await store.find(id)).toMatchObject({ status: 'delivered', wamid });
  });

  test('of which nobody knew are known by what Meta reports', async () => {
    const { store } = await world(engine);
    await store.begin(message());
    await store.finish(id, { status: 'unknown', wamid: null, failure: null });
    await store.note(id, ids.tenant, reported('sent'));
    expect(await store.find(id)).toMatchObject({ status: 'sent', wamid });
  });

  test('are nobody else’s to report on, and one that there is not does not come to be', async () => {
    const { store, statusOf } = await world(engine);
    await store.note(id, ids.tenant, reported('read'));
    expect(await statusOf()).toBeUndefined();
    await store.begin(message());
    await store.note(id, tenantId.parse('globex'), reported('failed'));
    expect(await statusOf()).toBe('sending');
  });

  test('go with the customer', async () => {
    const { client, tables, store } = await world(engine);
    const key = { tenantId: ids.tenant, phoneNumberId: ids.number, conversationId: conversation };
    for (let index = 0; index < 60; index++)
      await store.begin(message({ messageId: messageId.parse(`msg_${String(index).padStart(43, '0')}`) }));
    const other = conversationId.parse(`conv_${'d'.repeat(43)}`);
    await store.begin(message({ conversationId: other }));
    await customerEraser(client, tables, memoryRelay()).erase(key, undefined, new Date());
    const left = (await rowsOf(engine, tables.events)).map(({ pk }) => String(pk)).sort();
    expect(left).toEqual([other, id]);
  });
});
