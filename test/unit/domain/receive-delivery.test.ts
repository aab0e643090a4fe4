import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cachedOpener } from '../../../shared/adapters/vault.ts';
import { type AccountNews, eventsMessage, type QueuedEvents } from '../../../shared/contracts/queued-events.ts';
import { failedSignatures } from '../../../shared/domain/failed-signatures.ts';
import { Fault } from '../../../shared/domain/fault.ts';
import type { QueueMessage } from '../../../shared/domain/queue-packing.ts';
import { type ReceiveDeliveryPorts, receiveDelivery } from '../../../shared/domain/receive-delivery.ts';
import type { CredentialRecord, MetaAppRecord, WebhookRecord } from '../../../shared/domain/records.ts';
import { parseDelivery } from '../../../shared/domain/webhook-delivery.ts';
import { memoryVault, recordingJournal, secretOf } from '../../support/fakes.ts';
import {
  ada,
  bodyOf,
  changesOfIdentity,
  contact,
  fieldExamples,
  messages as messageExamples,
  messagesChange,
  newAda,
  statuses as statusExamples,
  statusesChange,
} from '../../support/meta-payloads.ts';
import { appRecord, credentialRecordOf, ids } from '../../support/records.ts';

const current = 'facade00facade00facade00facade01';
const previous = 'facade00facade00facade00facade00';

interface World {
  readonly webhook?: WebhookRecord | null;
  readonly app?: MetaAppRecord | null;
  readonly credential?: CredentialRecord | null;
  readonly others?: readonly CredentialRecord[];
  readonly refusedGroups?: (batch: readonly QueueMessage[]) => readonly string[];
  readonly bucketIsDown?: boolean;
  /** Nothing of the App Secrets is in the Vault. */
  readonly withoutSecrets?: boolean;
  readonly queueOfChecksIsDown?: boolean;
}

const ownWebhook: WebhookRecord = {
  kind: 'credential',
  webhookId: ids.webhook,
  appId: ids.app,
  tenantId: ids.tenant,
  credentialId: ids.credential,
};
const appWebhook: WebhookRecord = { kind: 'app', webhookId: ids.appWebhook, appId: ids.app };

const world = ({
  webhook,
  app,
  credential,
  others = [],
  refusedGroups = () => [],
  bucketIsDown = false,
  withoutSecrets = false,
  queueOfChecksIsDown = false,
}: World = {}) => {
  let at = Date.parse('2026-11-22T10:00:00Z');
  const now = () => new Date(at);
  const relayed = new Map<string, string>();
  /** What was put into the bucket and sent to the queue, in order. */
  const log: string[] = [];
  const batches: (readonly QueueMessage[])[] = [];
  const journal = recordingJournal();
  const vault = memoryVault(
    withoutSecrets
      ? {}
      : {
          [`shared/app_${ids.app}/webhook-signature/1`]: secretOf(previous),
          [`shared/app_${ids.app}/webhook-signature/2`]: secretOf(current),
        },
  );
  const suspects: string[] = [];
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
    vault: cachedOpener(vault),
    failures: failedSignatures(now),
    suspect: (suspect) => {
      suspects.push(suspect.credentialId);
      return queueOfChecksIsDown
        ? Promise.reject(new Fault('queue-unavailable', { retryable: true }))
        : Promise.resolve();
    },
    relay: {
      put: (key, body) => {
        if (bucketIsDown) return Promise.reject(new Fault('store-unavailable', { retryable: true }));
        log.push(key);
        relayed.set(key, body);
        return Promise.resolve();
      },
    },
    queue: {
      send: (batch) => {
        batches.push(batch);
        log.push(...batch.map(({ body }) => body));
        return Promise.resolve(new Set(refusedGroups(batch)));
      },
    },
    journal,
    now,
  };
  const sent = () => batches.flat().map(({ body }) => eventsMessage.parse(JSON.parse(body)));
  return {
    ports,
    suspects,
    vault,
    relayed,
    log,
    sent,
    wait: (milliseconds: number) => {
      at += milliseconds;
    },
    journal,
    batches,
    queued: (): readonly QueuedEvents[] => sent().filter((message) => message.type === 'events'),
    news: (): readonly AccountNews[] => sent().filter((message) => message.type === 'account-news'),
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
  });

  test('leaves no secret open behind it', async () => {
    const it = world();
    const ports = { ...it.ports, vault: it.vault };
    const rawBody = Buffer.from(JSON.stringify(hello));
    for (const secret of [current, 'x'.repeat(32)]) {
      const signature = `sha256=${createHmac('sha256', secret).update(rawBody).digest('hex')}`;
      await receiveDelivery({ webhookId: ids.webhook, rawBody, signature }, ports);
    }
    expect(it.vault.handedOut).toHaveLength(2);
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

  test('that are nested so deep that they could not be written down are dropped and counted, those beside them are not', async () => {
    // A message and its `text` are two levels.
    const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}{}${'}'.repeat(levels)}`) as object;
    const deep = (id: string, levels: number) => ({ id, from: '491511', type: 'text', text: nested(levels - 2) });
    const it = world();
    const messages = [deep('wamid.100', 100), deep('wamid.101', 101), deep('wamid.4000', 3000), message('wamid.1')];
    expect(await it.deliver(delivery(change(ids.number, messages)))).toBe('accepted');
    expect(it.queued().flatMap(({ events }) => events.map(({ value }) => value.id))).toEqual(['wamid.100', 'wamid.1']);
    expect(it.journal.counts.get('EventsMalformed')).toBe(2);
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

  test('has all of it without doubles once Meta has repeated what it had refused in part', async () => {
    const messages = Array.from({ length: 60 }, (_, index) => message(`wamid.${index}`, `49151${index % 30}`));
    const taken = new Map<string, string[]>();
    const seen = new Set<string>();
    let calls = 0;
    const it = world({
      // As SQS: it takes a deduplication id once, and here leaves out every third message at the first time.
      refusedGroups: (batch) =>
        batch.flatMap(({ groupId, deduplicationId, body }) => {
          if (calls++ < 30 && calls % 3 === 0) return [groupId];
          if (seen.has(deduplicationId)) return [];
          seen.add(deduplicationId);
          const { events } = JSON.parse(body) as QueuedEvents;
          taken.set(groupId, [...(taken.get(groupId) ?? []), ...events.map(({ value }) => String(value.id))]);
          return [];
        }),
    });
    const body = delivery(change(ids.number, messages));
    expect(await it.deliver(body)).toBe('not-queued');
    expect([...taken.values()].flat().length).toBeLessThan(60);
    expect(await it.deliver(body)).toBe('accepted');
    expect([...taken.values()].flat()).toHaveLength(60);
    expect(new Set([...taken.values()].flat()).size).toBe(60);
    for (const order of taken.values())
      expect(order).toEqual(order.toSorted((a, b) => Number(a.slice(6)) - Number(b.slice(6))));
  });

  test('is called once for what up to ten conversations said', async () => {
    const it = world();
    const messages = Array.from({ length: 40 }, (_, index) => message(`wamid.${index}`, `49151${index % 10}`));
    await it.deliver(delivery(change(ids.number, messages)));
    expect(it.batches).toHaveLength(1);
  });

  test('gets a thousand changes of a thousand customers, ten in a batch', async () => {
    const it = world();
    const changes = Array.from({ length: 1000 }, (_, index) =>
      change(ids.number, [message(`wamid.${index}`, `49151${index}`)]),
    );
    expect(await it.deliver(delivery(...changes))).toBe('accepted');
    expect(it.batches.map((batch) => batch.length)).toEqual(Array(100).fill(10));
    expect(it.queued().flatMap(({ events }) => events)).toHaveLength(1000);
  });
});

describe('an event that the queue can’t carry', () => {
  const huge = { ...message('wamid.1'), text: { body: 'x'.repeat(3_000_000) } };
  const body = delivery(
    change(ids.number, [message('wamid.0'), huge, message('wamid.2'), message('wamid.3', '491512')]),
  );

  test('lies in the relay bucket before the queue is told where', async () => {
    const it = world();
    expect(await it.deliver(body)).toBe('accepted');
    const [pointer] = it.sent().filter((sent) => sent.type === 'relayed');
    expect(JSON.parse(it.relayed.get(pointer?.relayKey ?? '') ?? '')).toMatchObject([{ kind: 'message', value: huge }]);
    const put = it.log.indexOf(pointer?.relayKey ?? '');
    expect(put).toBeGreaterThanOrEqual(0);
    expect(it.log.findIndex((line) => line.includes('"relayed"'))).toBeGreaterThan(put);
  });

  test('keeps its place in its conversation', async () => {
    const it = world();
    await it.deliver(body);
    const group = it.batches.flat().find(({ relayed }) => relayed !== undefined)?.groupId;
    const inOrder = it.batches.flat().filter(({ groupId }) => groupId === group);
    expect(inOrder.map((sent) => sent.relayed?.body ?? sent.body)).toEqual([
      expect.stringContaining('"wamid.0"'),
      expect.stringContaining('"wamid.1"'),
      expect.stringContaining('"wamid.2"'),
    ]);
  });

  test('is Meta’s to repeat when the bucket is out of order, with what was said after it, and nothing else is', async () => {
    const it = world({ bucketIsDown: true });
    expect(await it.deliver(body)).toBe('not-queued');
    const ofQueue = it.queued().flatMap(({ events }) => events.map(({ value }) => value.id));
    expect(ofQueue.sort()).toEqual(['wamid.0', 'wamid.3']);
  });
});

describe('a flood of wrong signatures', () => {
  const wrong = 'x'.repeat(32);
  const flood = async (it: ReturnType<typeof world>, times: number) => {
    const outcomes: string[] = [];
    for (let time = 0; time < times; time++) outcomes.push(await it.deliver(hello, wrong));
    return outcomes;
  };

  test('costs one opening, and stops nobody whose secret is at hand', async () => {
    const it = world();
    expect(new Set(await flood(it, 100))).toEqual(new Set(['refused']));
    expect(it.vault.opened).toHaveLength(1);
    expect(await it.deliver(hello)).toBe('accepted');
  });

  test('opens nothing more once there were too many, whatever is not at hand', async () => {
    const it = world();
    await flood(it, 20);
    const cold = { ...it.ports, vault: cachedOpener(it.vault) };
    const rawBody = Buffer.from(JSON.stringify(hello));
    const signed = (secret: string) => `sha256=${createHmac('sha256', secret).update(rawBody).digest('hex')}`;
    const deliver = (secret: string) =>
      receiveDelivery({ webhookId: ids.webhook, rawBody, signature: signed(secret) }, cold);
    const before = it.vault.opened.length;
    for (let time = 0; time < 50; time++) expect(await deliver(wrong)).toBe('throttled');
    expect(await deliver(current)).toBe('throttled');
    expect(it.vault.opened).toHaveLength(before);
    expect(it.journal.counts.get('WebhookThrottled')).toBe(51);
    it.wait(3_000);
    expect(await deliver(current)).toBe('accepted');
  });

  test('that ebbs to a trickle does not keep the secret shut: what was not judged does not count', async () => {
    const it = world();
    for (let time = 0; time < 20; time++) it.ports.failures.count(ids.webhook);
    it.wait(2_000);
    expect(await it.deliver(hello, wrong)).toBe('throttled');
    it.wait(2_000);
    expect(await it.deliver(hello, wrong)).toBe('refused');
    it.wait(2_000);
    expect(await it.deliver(hello)).toBe('accepted');
    expect(it.vault.opened).toHaveLength(1);
  });

  test('on a webhook whose secret does not open costs no more than a bucket of tries', async () => {
    const it = world({ withoutSecrets: true });
    for (let time = 0; time < 20; time++)
      await expect(it.deliver(hello)).rejects.toMatchObject({ code: 'secret-missing' });
    expect(await it.deliver(hello)).toBe('throttled');
    expect(it.vault.opened).toHaveLength(20);
  });

  test('during a rotation is judged by the version that is at hand', async () => {
    const until = '2026-11-29T10:00:00Z';
    const it = world({ app: appRecord({ secretVersion: 2, previousSecretVersion: 1, previousAcceptedUntil: until }) });
    // Signed with the current secret: the previous one is never fetched.
    expect(await it.deliver(hello)).toBe('accepted');
    for (let time = 0; time < 20; time++) it.ports.failures.count(ids.webhook);
    expect(await it.deliver(hello)).toBe('accepted');
    expect(await it.deliver(hello, previous)).toBe('throttled');
    expect(await it.deliver(hello, wrong)).toBe('throttled');
    expect(it.vault.opened.map(({ identity }) => identity.secretVersion)).toEqual([2]);
  });

  test('has the credential checked from the fifth wrong signature on, once an hour: its App Secret may have been changed', async () => {
    const it = world();
    for (let time = 0; time < 4; time++) await it.deliver(hello, wrong);
    expect(it.suspects).toEqual([]);
    for (let time = 0; time < 40; time++) await it.deliver(hello, wrong);
    expect(it.suspects).toEqual([ids.credential]);
    it.wait(60 * 60 * 1000);
    for (let time = 0; time < 5; time++) await it.deliver(hello, wrong);
    expect(it.suspects).toEqual([ids.credential, ids.credential]);
  });

  test('is refused as ever where nobody can be asked for a check, and asks for none of a credential at the app’s own URL', async () => {
    const it = world({ queueOfChecksIsDown: true });
    for (let time = 0; time < 6; time++) expect(await it.deliver(hello, wrong)).toBe('refused');
    expect(it.suspects).toHaveLength(1);
    const app = world({ webhook: appWebhook });
    for (let time = 0; time < 6; time++) expect(await app.deliver(hello, wrong)).toBe('refused');
    expect(app.suspects).toEqual([]);
  });

  test('is one of that webhook alone', async () => {
    const it = world();
    for (let time = 0; time < 20; time++) it.ports.failures.count(ids.appWebhook);
    expect(await it.deliver(hello)).toBe('accepted');
  });
});

const everything: CredentialRecord['claimedNumbers'][typeof ids.number] = {
  agentIds: [ids.agent],
  forward: ['message', 'status', 'call', 'account', 'echo'],
};
const wantingEverything = credentialRecordOf({ claimedNumbers: { [ids.number]: everything } });

describe('every field of webhooks', () => {
  test.each(fieldExamples)('$title reaches an agent that wants it all', async ({ field, value, kinds, entryId }) => {
    const it = world({ credential: wantingEverything });
    expect(await it.deliver(bodyOf([{ field, value }], entryId))).toBe('accepted');
    const queued = it
      .queued()
      .flatMap((message) => message.events.map((event) => ({ ...event, number: message.phoneNumberId })));
    const expected = kinds.filter((kind) => kind !== 'history');
    expect(queued.map(({ kind }) => kind).sort()).toEqual(expected.toSorted());
    for (const event of queued) expect(event).toMatchObject({ field, number: ids.number });
    expect(it.journal.counts.get('EventsForeign')).toBeUndefined();
  });

  test.each(fieldExamples)('$title is news of the credential exactly when it changes our picture', async (example) => {
    const it = world({ credential: credentialRecordOf({ claimedNumbers: {} }) });
    expect(await it.deliver(bodyOf([example], example.entryId))).toBe('accepted');
    expect(it.queued()).toEqual([]);
    expect(it.news()).toEqual(
      example.isNews
        ? [
            {
              version: 1,
              type: 'account-news',
              tenantId: ids.tenant,
              credentialId: ids.credential,
              receivedAt: '2026-11-22T10:00:00.000Z',
              news: [
                {
                  eventId: expect.stringMatching(/^evt_/),
                  field: example.field,
                  value: example.value,
                  at: 1_795_341_600,
                },
              ],
            },
          ]
        : [],
    );
  });

  test('together in one delivery are all there, each once', async () => {
    const it = world({ credential: wantingEverything });
    const ofAccount = fieldExamples.filter(({ entryId }) => entryId === undefined);
    expect(await it.deliver(bodyOf(ofAccount))).toBe('accepted');
    const queued = it.queued().flatMap(({ events }) => events);
    const expected = ofAccount.flatMap(({ kinds }) => kinds).filter((kind) => kind !== 'history');
    expect(queued).toHaveLength(expected.length);
    expect(new Set(queued.map(({ eventId }) => eventId)).size).toBe(expected.length);
    expect(it.news().flatMap(({ news }) => news)).toHaveLength(ofAccount.filter(({ isNews }) => isNews).length);
  });
});

describe('a notice about the account', () => {
  const banned = {
    field: 'account_update',
    value: { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } },
  };
  const flagged = {
    field: 'phone_number_quality_update',
    value: { display_phone_number: '15550101', event: 'FLAGGED' },
  };
  const twoNumbers = credentialRecordOf({
    claimedNumbers: { [ids.number]: everything, [ids.otherNumber]: everything },
    phoneNumbers: credentialRecordOf().phoneNumbers.map((number) =>
      number.phoneNumberId === ids.otherNumber ? { ...number, displayPhoneNumber: '+1 (555) 01-01' } : number,
    ),
  });

  test('reaches each claimed number whose agents ask for it, under an id of its own, in a conversation with nobody', async () => {
    const it = world({ credential: twoNumbers });
    await it.deliver(bodyOf([banned]));
    expect(it.queued().map(({ phoneNumberId }) => phoneNumberId)).toEqual([ids.number, ids.otherNumber]);
    const events = it.queued().flatMap((message) => message.events);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(2);
    for (const event of events)
      expect(event).toMatchObject({
        alsoKnownAs: null,
        customer: { waId: null, userId: null, groupId: null, name: null },
      });
    expect(new Set(it.queued().map(({ conversationId }) => conversationId)).size).toBe(2);
  });

  test('reaches no number whose agents do not ask for it', async () => {
    const it = world();
    await it.deliver(bodyOf([banned]));
    expect(it.queued()).toEqual([]);
    expect(it.news()).toHaveLength(1);
  });

  test('that names one number goes to that one alone, however it spells it', async () => {
    const it = world({ credential: twoNumbers });
    await it.deliver(bodyOf([flagged]));
    expect(it.queued().map(({ phoneNumberId }) => phoneNumberId)).toEqual([ids.otherNumber]);
  });

  test('that names a number which nobody has listed yet is news all the same', async () => {
    const it = world({ credential: wantingEverything });
    await it.deliver(bodyOf([{ ...flagged, value: { ...flagged.value, display_phone_number: '15559999' } }]));
    expect(it.queued()).toEqual([]);
    expect(it.news()).toHaveLength(1);
    expect(it.journal.counts.get('EventsForeign')).toBeUndefined();
  });

  test.each<[string, unknown, number | null]>([
    ['a time', 1_700_000_000, 1_700_000_000],
    ['a time as text', '1700000000', 1_700_000_000],
    ['none', undefined, null],
    ['what is no time', 'soon', null],
    ['a time to come', 9_999_999_999, Date.parse('2026-11-22T10:00:00Z') / 1000],
    ['milliseconds', 1_795_341_600_000, Date.parse('2026-11-22T10:00:00Z') / 1000],
  ])('with %s is news of then, and of no later than it came', async (_what, time, at) => {
    const it = world();
    await it.deliver({ entry: [{ id: ids.waba, time, changes: [banned] }] });
    expect(it.news().flatMap(({ news }) => news.map((told) => told.at))).toEqual([at]);
  });

  test('that names a number by its id is taken as an event and as news: neither has the id of the other', async () => {
    const it = world({ credential: wantingEverything });
    const alert = { entity_type: 'PHONE_NUMBER', entity_id: ids.number, alert_info: { alert_severity: 'CRITICAL' } };
    await it.deliver(bodyOf([{ field: 'account_alerts', value: alert }]));
    const taken = [
      ...it.queued().flatMap(({ events }) => events.map(({ eventId }) => eventId)),
      ...it.news().flatMap(({ news }) => news.map(({ eventId }) => eventId)),
    ];
    expect(taken).toHaveLength(2);
    expect(new Set(taken).size).toBe(2);
  });

  test('about another account is foreign: a tenant can sign what it likes', async () => {
    const it = world({ credential: wantingEverything });
    await it.deliver(bodyOf([banned, flagged], '2099999999999999'));
    expect(it.sent()).toEqual([]);
    expect(it.journal.counts.get('EventsForeign')).toBe(2);
  });

  test('stands in a group of its own, which no conversation shares', async () => {
    const it = world({ credential: wantingEverything });
    await it.deliver(bodyOf([banned, messagesChange([messageExamples.text ?? {}])]));
    expect(new Set(it.batches.flat().map(({ groupId }) => groupId)).size).toBe(3);
  });

  test('on the app’s own webhook is news of each credential of the account', async () => {
    const globex = credentialRecordOf({
      tenantId: 'globex' as CredentialRecord['tenantId'],
      credentialId: ids.otherCredential,
      claimedNumbers: {},
    });
    const it = world({ webhook: appWebhook, others: [wantingEverything, globex] });
    await it.deliver(bodyOf([banned, flagged]));
    expect(it.news().map(({ tenantId, news }) => [tenantId, news.length])).toEqual([
      ['acme', 2],
      ['globex', 2],
    ]);
    const [acmes, globexes] = it.news().map(({ news }) => news[0]?.eventId);
    expect(acmes).not.toBe(globexes);
  });

  test.each(fieldExamples.filter(({ isNews, entryId }) => isNews && entryId === undefined))(
    'is news under another id than for agents, and for each credential of its own: $title',
    async (example) => {
      const second = credentialRecordOf({ credentialId: ids.otherCredential, claimedNumbers: {} });
      const it = world({ webhook: appWebhook, others: [wantingEverything, second] });
      await it.deliver(bodyOf([example]));
      const taken = [...it.queued().flatMap(({ events }) => events), ...it.news().flatMap(({ news }) => news)];
      expect(taken).toHaveLength(3);
      expect(new Set(taken.map(({ eventId }) => eventId)).size).toBe(3);
      const [first] = it.news();
      await it.deliver(bodyOf([example]));
      // Meta's repeat is the same.
      expect(it.news().filter(({ credentialId }) => credentialId === first?.credentialId)).toMatchObject([
        { news: first?.news },
        { news: first?.news },
      ]);
    },
  );

  test('that is larger than any is not news, and keeps nothing else from being taken', async () => {
    const it = world();
    const blown = { field: 'account_update', value: { event: 'DISABLED_UPDATE', filler: 'x'.repeat(400_000) } };
    expect(await it.deliver(bodyOf([blown, banned]))).toBe('accepted');
    expect(it.news().flatMap(({ news }) => news.map(({ value }) => value))).toEqual([banned.value]);
    expect(it.journal.events()).toContain('account-news-too-large');
  });
});

describe('a status', () => {
  const agents = (forward: typeof everything.forward) =>
    credentialRecordOf({ claimedNumbers: { [ids.number]: { agentIds: [ids.agent], forward } } });
  const wanted = ['failed, without contacts', 'failed, for a user without number', 'sent', 'of a send of ours'];

  test('is there in every form that matters', () => {
    expect(Object.keys(statusExamples)).toEqual(expect.arrayContaining([...wanted, 'of somebody else’s send', 'read']));
  });

  test.each(Object.entries(statusExamples))(
    '%s is dropped only when it is neither ours nor a failure',
    async (name, status) => {
      const it = world({ credential: agents(['message']) });
      await it.deliver(bodyOf([statusesChange([status])]));
      expect(it.queued().flatMap(({ events }) => events)).toHaveLength(wanted.includes(name) ? 1 : 0);
      expect(it.journal.counts.get('EventsUnwanted')).toBe(wanted.includes(name) ? undefined : 1);
    },
  );

  test('of any kind is queued for an agent that asks for statuses', async () => {
    const it = world({ credential: agents(['status']) });
    await it.deliver(bodyOf([statusesChange(Object.values(statusExamples))]));
    expect(it.queued().flatMap(({ events }) => events)).toHaveLength(Object.keys(statusExamples).length);
  });
});

describe('what the router needs is queued whether an agent asks for it or not', () => {
  const ofField = (field: string) => fieldExamples.filter((example) => example.field === field);

  test.each([
    ['a human’s answer', ofField('smb_message_echoes')],
    ['a customer who is known otherwise from now on', ofField('user_id_update')],
    [
      'what a customer says',
      [messagesChange([{ id: 'wamid.1', from: ada.waId, type: 'text', text: { body: 'hi' } }], [])],
    ],
    ['a call', ofField('calls')],
  ])('%s', async (_what, changes) => {
    const it = world({
      credential: credentialRecordOf({ claimedNumbers: { [ids.number]: { agentIds: [ids.agent], forward: [] } } }),
    });
    await it.deliver(bodyOf(changes));
    expect(changes).not.toEqual([]);
    expect(it.queued().flatMap(({ events }) => events)).toHaveLength(changes.length);
    const nobodyThere = world({
      credential: credentialRecordOf({ claimedNumbers: { [ids.number]: { agentIds: [], forward: [] } } }),
    });
    await nobodyThere.deliver(bodyOf(changes));
    expect(nobodyThere.sent()).toEqual([]);
  });
});

describe('one customer under two names', () => {
  const conversationsOf = async (...items: readonly object[]) => {
    const it = world({ credential: wantingEverything });
    await it.deliver(bodyOf(items.map((item) => messagesChange([item as Readonly<Record<string, unknown>>], []))));
    return it
      .queued()
      .flatMap(({ conversationId, events }) =>
        events.map(({ alsoKnownAs, customer }) => ({ conversationId, alsoKnownAs, customer })),
      );
  };
  const said = (id: string, from: object) => ({ id, timestamp: '1', type: 'text', text: { body: id }, ...from });
  const byNumber = said('wamid.n', { from: ada.waId });
  const byUserId = said('wamid.u', { from_user_id: ada.userId });
  const byBoth = said('wamid.b', { from: ada.waId, from_user_id: ada.userId });

  test('is in the conversation of the user id, which is also known as that of the number', async () => {
    const [number] = await conversationsOf(byNumber);
    const [userId] = await conversationsOf(byUserId);
    const [both] = await conversationsOf(byBoth);
    expect(number?.alsoKnownAs).toBeNull();
    expect(userId?.alsoKnownAs).toBeNull();
    expect(both).toMatchObject({ conversationId: userId?.conversationId, alsoKnownAs: number?.conversationId });
  });

  test.each(Object.entries(changesOfIdentity))(
    '%s belongs to the new one, which is also known as the former',
    async (type, message) => {
      const [changed] = await conversationsOf(message);
      const [former] = await conversationsOf(type === 'customer_changed_number' ? byNumber : byUserId);
      const newName =
        type === 'customer_changed_number'
          ? said('wamid.new', { from: newAda.waId })
          : said('wamid.new', { from_user_id: newAda.userId });
      const [after] = await conversationsOf(newName);
      expect(changed).toMatchObject({ conversationId: after?.conversationId, alsoKnownAs: former?.conversationId });
      expect(changed?.conversationId).not.toBe(former?.conversationId);
    },
  );

  test('user_id_update does the same', async () => {
    const it = world({ credential: wantingEverything });
    await it.deliver(bodyOf(fieldExamples.filter(({ field }) => field === 'user_id_update')));
    const [former] = await conversationsOf(byUserId);
    const [after] = await conversationsOf(said('wamid.new', { from_user_id: newAda.userId }));
    expect(it.queued()).toMatchObject([
      { conversationId: after?.conversationId, events: [{ alsoKnownAs: former?.conversationId }] },
    ]);
  });
});

describe('a repeat that is cut otherwise', () => {
  const bob = { profile: { name: 'Bob' }, wa_id: '15550177', user_id: 'US.7' };
  const ofBob = { id: 'wamid.bob', timestamp: '1', type: 'text', from: '15550177' };
  const ofAda = { id: 'wamid.ada', timestamp: '1', type: 'text', from: ada.waId };
  // Meta may write a number otherwise in the contact than in the message.
  const otherPrefix = { ...contact, wa_id: '49015112345678' };

  test.each([
    ['whose contacts fit', contact],
    ['whose contact spells the number otherwise', otherPrefix],
  ])('has the same events in the same conversations, %s', async (_what, adas) => {
    const [together, apart] = [world(), world()];
    await together.deliver(bodyOf([messagesChange([ofAda, ofBob], [adas, bob])]));
    await apart.deliver(bodyOf([messagesChange([ofBob], [bob])]));
    await apart.deliver(bodyOf([messagesChange([ofAda], [adas])]));
    const named = (it: ReturnType<typeof world>) =>
      Object.fromEntries(
        it.queued().flatMap(({ conversationId, events }) => events.map(({ eventId }) => [eventId, conversationId])),
      );
    expect(named(apart)).toEqual(named(together));
    expect(Object.keys(named(together))).toHaveLength(2);
  });

  test('has the same events also where they have no id of Meta’s', () => {
    const example = fieldExamples.find(({ field }) => field === 'smb_app_state_sync');
    const items = (example?.value.state_sync ?? []) as readonly object[];
    const changeOf = (state_sync: readonly object[]) => ({
      field: 'smb_app_state_sync',
      value: { ...example?.value, state_sync },
    });
    const parsed = (...changes: readonly ReturnType<typeof changeOf>[]) =>
      parseDelivery(Buffer.from(JSON.stringify(bodyOf(changes))));
    expect(parsed(...items.map((item) => changeOf([item])))).toEqual(parsed(changeOf(items)));
  });
});

describe('nothing of a body is logged', () => {
  test.each(fieldExamples)('of $title', async ({ field, value, entryId }) => {
    const it = world({ credential: wantingEverything, refusedGroups: (batch) => batch.map(({ groupId }) => groupId) });
    await it.deliver(bodyOf([{ field, value: { ...value, canary: 'CANARY-of-a-body' } }], entryId));
    expect(JSON.stringify(it.journal.lines)).not.toMatch(/CANARY|wamid|4915112345678|Ada|DE\.1349/);
  });
});
