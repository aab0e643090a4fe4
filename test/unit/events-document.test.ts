import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsSchema, withEventReference } from '../../infra/events-document.ts';
import { type AgentEvent, agentAnswer, agentEvent, agentEventType } from '../../shared/contracts/agent-event.ts';
import { agentEventExamples } from '../../shared/contracts/agent-event-examples.ts';
import { parseDelivery } from '../../shared/domain/webhook-delivery.ts';
import { agentEventIn, corpusConversationId, corpusParts, queuedEventsIn } from '../support/corpus-events.ts';
import { eventCorpus } from '../support/event-corpus.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document = read('docs/events.md');

/** The code blocks of a language below a heading, up to the next one of the same rank. */
const blocks = (language: string, heading: RegExp, text = document): readonly string[] => {
  const section = text.split(/^(?=#{2,3} )/m).find((part) => heading.test(part)) ?? '';
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code);
};
const jsonBlocks = (heading: RegExp) => blocks('json', heading).map((block) => JSON.parse(block) as object);
const isSchema = (block: object): block is AnySchemaObject => '$schema' in block;

// Strict: a keyword that a validator would pass over is an error. Formats are patterns, too.
const ajv = new Ajv2020({ strict: true, allErrors: true, validateFormats: false, allowUnionTypes: true });

/** As docs/events.md prints it, compiled by a validator that knows nothing of us. */
const schemaUnder = (heading: RegExp) => {
  const [schema] = jsonBlocks(heading).filter(isSchema);
  if (schema === undefined) throw new Error(`No schema under ${heading.source}`);
  return ajv.compile(schema);
};
const headingOf = (type: string) => new RegExp(`^### \`${type.replaceAll('.', '\\.')}\``);

const types = Object.values(agentEventType);
const byType = new Map(types.map((type) => [type as string, schemaUnder(headingOf(type))]));
const published = ajv.compile(JSON.parse(read('docs/events.schema.json')) as object);
const queueMessage = schemaUnder(/^## Inside/);
const answer = schemaUnder(/^## An answer/);

const problemsOf = (validate: typeof published, value: unknown) =>
  validate(JSON.parse(JSON.stringify(value))) ? [] : validate.errors;

test('docs/events.md and docs/events.schema.json are what the contracts say (npm run docs)', () => {
  expect(withEventReference(document)).toBe(document);
  expect(read('docs/events.schema.json')).toBe(`${JSON.stringify(eventsSchema(), null, 2)}\n`);
});

test('every type of event has a section with what it is, a schema and examples that the schema accepts', () => {
  for (const type of types) {
    const examples = jsonBlocks(headingOf(type)).filter((block) => !isSchema(block));
    expect(examples.length, type).toBeGreaterThan(0);
    for (const example of examples) {
      expect(example).toMatchObject({ type });
      expect(problemsOf(byType.get(type) ?? published, example)).toEqual([]);
      expect(problemsOf(published, example)).toEqual([]);
      expect(agentEvent.safeParse(example).error).toBeUndefined();
    }
  }
});

test('every example is a real one: what becomes of a delivery of Meta’s', () => {
  // Ids are hashes: they may change, and the examples need not.
  const withoutHashes = ({ data, ...event }: AgentEvent) => ({
    ...event,
    data: { ...data, eventId: null, conversation: data.conversation && { ...data.conversation, id: null } },
  });
  for (const { source, event, title } of agentEventExamples) {
    if (source === null) continue;
    const delivery = eventCorpus.find(({ name }) => name === source);
    const [queued] = delivery === undefined ? [] : queuedEventsIn(delivery);
    expect(queued && withoutHashes(agentEventIn(queued)), title).toEqual(withoutHashes(agentEvent.parse(event)));
  }
});

describe('the schemas of docs/events.md accept what becomes of', () => {
  test.each(eventCorpus.map((delivery) => [delivery.name, delivery] as const))('%s', (_name, delivery) => {
    const reported = parseDelivery(Buffer.from(JSON.stringify(delivery.body)));
    expect(reported?.map(({ kind }) => kind).sort()).toEqual([...delivery.kinds].sort());
    const queued = queuedEventsIn(delivery);
    expect(queued).toHaveLength(delivery.kinds.filter((kind) => kind !== 'history').length);
    for (const event of queued) {
      const { tenantId, credentialId, phoneNumberId, now } = corpusParts;
      const message = {
        version: 1,
        type: 'events',
        tenantId,
        credentialId,
        phoneNumberId,
        conversationId: corpusConversationId(event),
        receivedAt: now.toISOString(),
        events: [event],
      };
      expect(problemsOf(queueMessage, message)).toEqual([]);

      const dispatched = agentEventIn(event);
      expect(dispatched.type).toBe(agentEventType[event.kind]);
      expect(problemsOf(byType.get(dispatched.type) ?? published, dispatched)).toEqual([]);
      expect(problemsOf(published, dispatched)).toEqual([]);
      // Meta's object, to the last field, wherever it is kept.
      expect(JSON.stringify(dispatched)).toContain(JSON.stringify(event.value));
    }
  });
});

describe('the corpus has', () => {
  const messages = eventCorpus.flatMap(({ body }) => body.entry.flatMap(({ changes }) => changes));
  const fieldsSeen = new Set(messages.map(({ field }) => field));
  // "Webhooks", WhatsApp Business Platform: all fields that an app can subscribe to, and what partners report of others.
  test.each([
    ...['messages', 'message_template_status_update', 'message_template_quality_update'],
    ...['message_template_components_update', 'template_category_update', 'account_update', 'account_alerts'],
    ...[
      'account_review_update',
      'phone_number_quality_update',
      'phone_number_name_update',
      'business_capability_update',
    ],
    ...[
      'security',
      'history',
      'smb_app_state_sync',
      'smb_message_echoes',
      'calls',
      'user_preferences',
      'user_id_update',
    ],
    ...['business_username_update', 'group_lifecycle_update', 'group_participants_update', 'group_settings_update'],
    ...['group_status_update', 'account_settings_update', 'flows', 'automatic_events', 'partner_solutions'],
    ...['payment_configuration_update', 'messaging_handovers', 'consumer_profile', 'message_echoes', 'tracking_events'],
  ])('the field %s', (field) => {
    expect([...fieldsSeen]).toContain(field);
  });

  const listed = (name: string) =>
    messages.flatMap(({ value }) => (value as Record<string, { type?: string; status?: string }[]>)[name] ?? []);
  test.each([
    ...['text', 'image', 'video', 'sticker', 'document', 'audio', 'location', 'contacts', 'interactive', 'button'],
    ...['order', 'reaction', 'system', 'edit', 'revoke', 'unsupported', 'unknown', 'request_welcome'],
  ])('the type of message %s', (type) => {
    expect(listed('messages').map((message) => message.type)).toContain(type);
  });
  test.each(['sent', 'delivered', 'read', 'failed', 'played', 'deleted'])('the status %s', (status) => {
    expect(listed('statuses').map((one) => one.status)).toContain(status);
  });
  test('every delivery under a name of its own', () => {
    expect(new Set(eventCorpus.map(({ name }) => name)).size).toBe(eventCorpus.length);
  });
});

describe('the schemas of docs/events.md refuse', () => {
  const [text] = agentEventExamples;
  const { data } = text.event;
  test.each<[string, object]>([
    ['an event of no type', { ...text.event, type: undefined }],
    ['an event of a type that there is not', { ...text.event, type: 'whatsapp.message.sent' }],
    ['another version', { ...text.event, version: 2 }],
    ['a time that is none', { ...text.event, timestamp: 'yesterday' }],
    ['a message event without its message', { ...text.event, data: { ...data, message: undefined } }],
    ['a message that is a text', { ...text.event, data: { ...data, message: 'hi' } }],
    ['an event without id', { ...text.event, data: { ...data, eventId: undefined } }],
    ['an event of nobody', { ...text.event, data: { ...data, tenantId: '' } }],
    ['a message without conversation', { ...text.event, data: { ...data, conversation: null } }],
    [
      'an account’s news with a conversation',
      { ...text.event, type: agentEventType.account, data: { ...data, notice: { field: '', value: {} } } },
    ],
  ])('%s', (_what, event) => {
    expect(problemsOf(published, event)).not.toEqual([]);
    for (const [type, validate] of byType)
      if ('type' in event && event.type === type) expect(problemsOf(validate, event)).not.toEqual([]);
  });
});

test('fields that a later edition of version 1 may add are accepted', () => {
  const [{ event }] = agentEventExamples;
  const richer = {
    ...event,
    mood: 'good',
    data: { ...event.data, language: 'de', conversation: { ...event.data.conversation, topic: 1 } },
  };
  expect(problemsOf(published, richer)).toEqual([]);
  expect(problemsOf(byType.get(event.type) ?? published, richer)).toEqual([]);
});

test('the answer of the document is one, and its schema refuses what would not be sent', () => {
  const examples = jsonBlocks(/^## An answer/).filter((block) => !isSchema(block));
  expect(examples).toHaveLength(1);
  const reply = { type: 'text', text: { body: 'hi' } };
  const acceptable = [...examples, {}, { messages: [] }, { messages: [reply], note: 'mine' }];
  const unacceptable = [{ messages: 'hi' }, { messages: [{ type: 'hologram' }] }, { messages: Array(11).fill(reply) }];
  for (const value of acceptable) {
    expect(problemsOf(answer, value)).toEqual([]);
    expect(agentAnswer.safeParse(value).success).toBe(true);
  }
  for (const value of unacceptable) {
    expect(problemsOf(answer, value)).not.toEqual([]);
    expect(agentAnswer.safeParse(value).success).toBe(false);
  }
});

describe('the recipes for verifying a request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-recipes-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const key = Buffer.alloc(32, 3);
  const secret = `whsec_${key.toString('base64')}`;
  const body = JSON.stringify(agentEventExamples[0].event);
  const signed = (at = new Date(), by: Uint8Array = key) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(by, { format: 'raw' }).sign('evt_1', at, body),
  });
  const other = signed(new Date(), Buffer.alloc(32, 4))['webhook-signature'];
  const ours = signed()['webhook-signature'];
  const minutes = (count: number) => new Date(Date.now() + count * 60_000);
  type SignedRequest = [verdict: boolean, what: string, headers: Record<string, string>, rawBody: string];
  const requests: SignedRequest[] = [
    [true, 'ours', signed(), body],
    ...[`${other} ${ours}`, `${ours} ${other}`].map(
      (both): SignedRequest => [
        true,
        'ours, while the secret is rotated',
        { ...signed(), 'webhook-signature': both },
        body,
      ],
    ),
    [false, 'signed by somebody else', { ...signed(), 'webhook-signature': other }, body],
    [false, 'of another body', signed(), body.replace('acme', 'evil')],
    [false, 'under another id', { ...signed(), 'webhook-id': 'evt_2' }, body],
    [false, 'too old', signed(minutes(-6)), body],
    [false, 'from the future', signed(minutes(6)), body],
    [false, 'without a time', { ...signed(), 'webhook-timestamp': 'soon' }, body],
    [false, 'without a signature', { ...signed(), 'webhook-signature': '' }, body],
    [false, 'with half a signature', { ...signed(), 'webhook-signature': ours.slice(0, 20) }, body],
  ];
  const recipe = { js: '', python: '' };
  beforeAll(() => {
    [recipe.js = ''] = blocks('js', /^### Verify it/);
    [recipe.python = ''] = blocks('python', /^### Verify it/);
  });

  const verdicts = (command: string, file: string, code: string): unknown => {
    writeFileSync(join(folder, file), code);
    const input = JSON.stringify(requests.map(([, , headers, raw]) => ({ secret, headers, raw })));
    const { stdout, stderr } = spawnSync(command, [join(folder, file)], { input, encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  };
  const expected = requests.map(([verdict]) => verdict);

  test('in Node.js accept what is ours, and nothing else', () => {
    const run = `import { readFileSync } from 'node:fs';
      const requests = JSON.parse(readFileSync(0, 'utf8'));
      console.log(JSON.stringify(requests.map(({ secret, headers, raw }) => verified(secret, headers, Buffer.from(raw)))));`;
    expect(verdicts(process.execPath, 'recipe.mjs', `${recipe.js}\n${run}`)).toEqual(expected);
  });

  test('in Python accept what is ours, and nothing else', () => {
    const run = `import json, sys\nprint(json.dumps([verified(r["secret"], r["headers"], r["raw"].encode()) for r in json.load(sys.stdin)]))`;
    expect(verdicts('python3', 'recipe.py', `${recipe.python}\n${run}\n`)).toEqual(expected);
  });
});
