import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { queuedEvents } from '../../../shared/contracts/queued-events.ts';
import type { QueueMessage } from '../../../shared/domain/queue-packing.ts';
import { type ReceiveDeliveryPorts, receiveDelivery } from '../../../shared/domain/receive-delivery.ts';
import type { CredentialRecord, MetaAppRecord, WebhookRecord } from '../../../shared/domain/records.ts';
import { memoryVault, recordingJournal, secretOf } from '../../support/fakes.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const current = 'facade00facade00facade00facade01';
const previous = 'facade00facade00facade00facade00';

interface World {
  readonly webhook?: WebhookRecord | null;
  readonly app?: MetaAppRecord | null;
  readonly credential?: CredentialRecord | null;
  readonly others?: readonly CredentialRecord[];
  readonly refusedGroups?: (batch: readonly QueueMessage[]) => readonly string[];
}

const ownWebhook: WebhookRecord = {
  kind: 'credential',
  webhookId: ids.webhook,
  appId: ids.app,
  tenantId: ids.tenant,
  credentialId: ids.credential,
};
const appWebhook: WebhookRecord = { kind: 'app', webhookId: ids.appWebhook, appId: ids.app };

const world = ({ webhook, app, credential, others = [], refusedGroups = () => [] }: World = {}) => {
  const batches: (readonly QueueMessage[])[] = [];
  const journal = recordingJournal();
  const vault = memoryVault({
    [`shared/app_${ids.app}/webhook-signature/1`]: secretOf(previous),
    [`shared/app_${ids.app}/webhook-signature/2`]: secretOf(current),
  });
  const ports: ReceiveDeliveryPorts = {
    webhooks: {
      find: () => Promise.resolve(webhook === null ? undefined : (webhook ?? ownWebhook)),
      readState: (found) =>
        Promise.resolve({
          ...(app === null ? {} : { app: app ?? appRecord({ secretVersion: 2 }) }),
          ...(credential === null || found.kind === 'app' ? {} : { credential: credential ?? credentialRecordOf() }),
        }),
      credentialsOf: (_app, waba) => Promise.resolve(others.filter(({ wabaId }) => wabaId === waba)),
      tenantSalt: (tenant) => Promise.resolve(Buffer.from(`salt of ${tenant}`)),
    },
    vault,
    queue: {
      send: (batch) => {
        batches.push(batch);
        return Promise.resolve(new Set(refusedGroups(batch)));
      },
    },
    journal,
    now: () => new Date('2026-11-22T10:00:00Z'),
  };
  return {
    vault,
    journal,
    batches,
    queued: () => batches.flat().map(({ body }) => queuedEvents.parse(JSON.parse(body))),
    deliver: (body: object | string, sign: string | { readonly header: string | undefined } = current) => {
      const rawBody = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const signature =
        typeof sign === 'string' ? `sha256=${createHmac('sha256', sign).update(rawBody).digest('hex')}` : sign.header;
      return receiveDelivery({ webhookId: (webhook ?? ownWebhook).webhookId, rawBody, signature }, ports);
    },
  };
};

const message = (id: string, from = '491511') => ({ id, from, timestamp: '1', type: 'text', text: { body: id } });
const change = (number: string, messages: readonly object[]) => ({
  field: 'messages',
  value: { messaging_product: 'whatsapp', metadata: { phone_number_id: number }, messages },
});
const delivery = (...changes: readonly object[]) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: ids.waba, changes }],
});
const hello = delivery(change(ids.number, [message('wamid.1')]));

describe('a delivery is refused', () => {
  test.each<[string, string | { readonly header: string | undefined }]>([
    ['without a signature', { header: undefined }],
    ['with an empty signature', { header: '' }],
    ['with a signature of another form', { header: 'sha1=abc' }],
    ['with a truncated signature', { header: 'sha256=abcdef' }],
    ['with an upper-case scheme', { header: `SHA256=${'0'.repeat(64)}` }],
    ['with a signature that is another one', { header: `sha256=${'0'.repeat(64)}` }],
    ['when it is signed with another secret', 'x'.repeat(32)],
    ['when it is signed with the previous secret after the rotation', previous],
  ])('%s', async (_what, sign) => {
    const it = world();
    expect(await it.deliver(hello, sign)).toBe('refused');
    expect(it.batches).toEqual([]);
    expect(it.journal.counts.get('WebhookRefused')).toBe(1);
  });

  test('without opening a secret when the signature has not even the form', async () => {
    const it = world();
    await it.deliver(hello, { header: 'sha256=zz' });
    expect(it.vault.opened).toEqual([]);
  });

  test('when one byte of the body differs from what was signed', async () => {
    const signature = `sha256=${createHmac('sha256', current).update(JSON.stringify(hello)).digest('hex')}`;
    expect(await world().deliver(`${JSON.stringify(hello)} `, { header: signature })).toBe('refused');
  });

  test('when nobody ever had the URL', async () => {
    expect(await world({ webhook: null }).deliver(hello)).toBe('unknown-webhook');
  });

  test.each(['{"entry": [', '[]', '{}', '{"entry": 5}', '"text"'])(
    'as malformed when it is signed but is %s',
    async (body) => {
      expect(await world().deliver(body)).toBe('malformed');
    },
  );
});

describe('a signature', () => {
  const rotating = (until: string) =>
    appRecord({ secretVersion: 2, previousSecretVersion: 1, previousAcceptedUntil: until });

  test('with the previous App Secret holds until the end of the rotation', async () => {
    const it = world({ app: rotating('2026-11-22T10:00:01Z') });
    expect(await it.deliver(hello, previous)).toBe('accepted');
    expect(await it.deliver(hello, current)).toBe('accepted');
  });

  test('with the previous App Secret no longer holds at the end of the rotation', async () => {
    expect(await world({ app: rotating('2026-11-22T10:00:00Z') }).deliver(hello, previous)).toBe('refused');
  });

  test('is judged on behalf of the credential', async () => {
    const it = world();
    await it.deliver(hello);
    expect(it.vault.opened[0]?.openedFor).toEqual({ tenantId: 'acme', subjectId: ids.credential });
    for (const secret of it.vault.handedOut) expect(() => secret.bytes()).toThrow('disposed');
  });
});

describe('a delivery for a credential that is gone', () => {
  test.each<[string, World]>([
    ['removed', { credential: null }],
    ['being removed', { credential: credentialRecordOf({ status: 'removing' }) }],
    ['whose app is gone', { app: null }],
  ])('(%s) is taken and forgotten', async (_what, gone) => {
    const it = world(gone);
    expect(await it.deliver(hello)).toBe('discarded');
    expect(it.batches).toEqual([]);
  });
});

describe('events of a number', () => {
  test('that the credential owns are queued', async () => {
    const it = world();
    expect(await it.deliver(hello)).toBe('accepted');
    expect(it.queued()).toMatchObject([
      { tenantId: 'acme', credentialId: ids.credential, phoneNumberId: ids.number, events: [{ kind: 'message' }] },
    ]);
  });

  test('that is not the credential’s are dropped before the queue and counted', async () => {
    const it = world();
    const foreign = change('9999999999999999', [message('wamid.1'), message('wamid.2')]);
    expect(await it.deliver(delivery(foreign, change(ids.number, [message('wamid.3')])))).toBe('accepted');
    expect(it.queued().flatMap(({ events }) => events.map(({ value }) => value.id))).toEqual(['wamid.3']);
    expect(it.journal.counts.get('EventsForeign')).toBe(2);
  });

  test('that is listed but not claimed are counted without their body', async () => {
    const it = world();
    expect(await it.deliver(delivery(change(ids.otherNumber, [message('wamid.1')])))).toBe('accepted');
    expect(it.batches).toEqual([]);
    expect(it.journal.counts.get('EventsUnwanted')).toBe(1);
    expect(JSON.stringify(it.journal.lines)).not.toContain('wamid.1');
  });

  test.each(['__proto__', 'constructor', 'toString'])('named %s are dropped', async (number) => {
    const it = world();
    expect(await it.deliver(delivery(change(number, [message('wamid.1')])))).toBe('accepted');
    expect(it.batches).toEqual([]);
  });

  test('keep their order within a conversation and their own conversations apart', async () => {
    const it = world();
    const messages = Array.from({ length: 50 }, (_, index) => message(`wamid.${index}`, `49151${index % 2}`));
    expect(await it.deliver(delivery(change(ids.number, messages)))).toBe('accepted');
    const byConversation = Map.groupBy(it.queued(), ({ conversationId }) => conversationId);
    expect(byConversation.size).toBe(2);
    for (const parts of byConversation.values()) {
      const order = parts.flatMap(({ events }) => events.map(({ value }) => Number(String(value.id).slice(6))));
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(order).toHaveLength(25);
      expect(Math.max(...parts.map(({ events }) => events.length))).toBeLessThanOrEqual(20);
    }
  });

  test('show no phone number in the groups of the queue', async () => {
    const it = world();
    await it.deliver(hello);
    for (const { groupId, deduplicationId } of it.batches.flat()) {
      expect(groupId).toMatch(/^[\w-]{43}$/);
      expect(deduplicationId).toMatch(/^[\w-]{43}$/);
    }
  });
});

describe('what arrives at the app’s own webhook', () => {
  const globex = credentialRecordOf({
    tenantId: 'globex' as CredentialRecord['tenantId'],
    credentialId: ids.otherCredential,
  });

  test('is routed by app and WABA to the credential that claims the number', async () => {
    const unclaimed = { ...globex, claimedNumbers: {} };
    const it = world({ webhook: appWebhook, others: [unclaimed, credentialRecordOf()] });
    expect(await it.deliver(hello)).toBe('accepted');
    expect(it.queued()).toMatchObject([{ tenantId: 'acme' }]);
  });

  test('gets the same event id and group as over the credential’s URL, under another deduplication id', async () => {
    const [overApp, overCredential] = [world({ webhook: appWebhook, others: [credentialRecordOf()] }), world()];
    await overApp.deliver(hello);
    await overCredential.deliver(hello);
    expect(overApp.queued()[0]?.events[0]?.eventId).toBe(overCredential.queued()[0]?.events[0]?.eventId);
    expect(overApp.batches[0]?.[0]?.groupId).toBe(overCredential.batches[0]?.[0]?.groupId);
    expect(overApp.batches[0]?.[0]?.deduplicationId).not.toBe(overCredential.batches[0]?.[0]?.deduplicationId);
  });

  test('of a WABA that nobody has connected is dropped', async () => {
    const it = world({ webhook: appWebhook, others: [] });
    expect(await it.deliver(hello)).toBe('accepted');
    expect(it.batches).toEqual([]);
    expect(it.journal.counts.get('EventsForeign')).toBe(1);
  });
});

describe('the queue', () => {
  test('must have taken everything before Meta is told 200', async () => {
    const it = world({ refusedGroups: (batch) => batch.map(({ groupId }) => groupId) });
    expect(await it.deliver(hello)).toBe('not-queued');
  });

  test('gets no later message of a conversation after it refused one', async () => {
    let first = true;
    const it = world({
      refusedGroups: (batch) => {
        const refused = first ? batch.map(({ groupId }) => groupId) : [];
        first = false;
        return refused;
      },
    });
    const messages = Array.from({ length: 45 }, (_, index) => message(`wamid.${index}`));
    expect(await it.deliver(delivery(change(ids.number, messages)))).toBe('not-queued');
    expect(it.batches).toHaveLength(1);
  });

  test('never gets an event that it can’t carry, and Meta keeps it', async () => {
    const it = world();
    const huge = { ...message('wamid.1'), text: { body: 'x'.repeat(1_100_000) } };
    const outcome = await it.deliver(delivery(change(ids.number, [huge, message('wamid.2', '491512')])));
    expect(outcome).toBe('not-queued');
    expect(it.queued().flatMap(({ events }) => events.map(({ value }) => value.id))).toEqual(['wamid.2']);
  });
});
