import { format, inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { SealBroken, seal, unseal, wrappedKeyOf } from '../../../shared/crypto/envelope.ts';
import { SecretBytes } from '../../../shared/crypto/secret-bytes.ts';
import { contextFor, type SecretIdentity } from '../../../shared/crypto/secret-context.ts';
import { packParts, unpackParts } from '../../../shared/crypto/secret-parts.ts';
import { Fault } from '../../../shared/domain/fault.ts';

const canary = 'CANARY-secret-value-0123456789ab';
const secret = () => SecretBytes.fromText(canary);

/** The content in every form in which a program may print bytes: as text, encoded, or as a list of numbers. */
const forms = [
  canary,
  Buffer.from(canary).toString('hex'),
  Buffer.from(canary).toString('base64').slice(0, -4),
  Buffer.from(canary).join(','),
];
const shows = (printed: string) => forms.some((form) => printed.replace(/\s/g, '').includes(form));

/** Every way in which something is turned into text by hand, by a logger, by an uncaught error or by a debugger. */
const prints: readonly (readonly [string, (value: unknown) => string])[] = [
  ['String()', (value) => String(value)],
  ['a template', (value) => `${value as string}`],
  ['JSON', (value) => JSON.stringify({ deep: [value] })],
  [
    'JSON of what it hides',
    (value) => JSON.stringify(value, (_key, it: unknown) => (it instanceof Error ? { ...ownOf(it) } : it)),
  ],
  ['inspect', (value) => inspect(value, { depth: Infinity })],
  ['inspect of what it hides', (value) => inspect(value, { depth: Infinity, showHidden: true, getters: true })],
  [
    'inspect that asks nobody',
    (value) => inspect(value, { depth: Infinity, showHidden: true, getters: true, customInspect: false }),
  ],
  ['format', (value) => format('%s %o %O %j', value, value, value, value)],
  ['its stack', (value) => (value instanceof Error ? (value.stack ?? '') : '')],
  ['a clone', (value) => inspect(structuredClone({ ...ownOf(value as object) }), { depth: Infinity })],
];
const ownOf = (value: object): object =>
  Object.fromEntries(Reflect.ownKeys(value).map((key) => [String(key), Reflect.get(value, key) as unknown] as const));

const thrownBy = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown');
};

const identity: SecretIdentity = {
  tenantId: 'acme',
  ownerId: 'cred_01JDXYZ0000000000000000000',
  purpose: 'graph-api',
  secretVersion: 1,
};
const additionalData = () => contextFor('Switchboard', identity).additionalData;
const dataKey = (key = 'k'.repeat(32)) => ({ plaintext: SecretBytes.fromText(key), wrapped: Buffer.from('wrapped') });
const forged = () => {
  const sealed = Uint8Array.from(seal(secret(), dataKey(), additionalData()));
  sealed.set(new Uint8Array(16), sealed.byteLength - 16);
  return sealed;
};
const broken = () => thrownBy(() => unseal(forged(), dataKey().plaintext, additionalData()));
const disposed = () => {
  const gone = secret();
  gone[Symbol.dispose]();
  return gone;
};

const things: readonly (readonly [string, () => unknown])[] = [
  ['a secret', secret],
  ['a disposed secret', disposed],
  ['a secret within others', () => ({ credential: { tokens: [secret()], byName: new Map([['token', secret()]]) } })],
  ['an error about a forged seal', broken],
  ['an error about a cut seal', () => thrownBy(() => wrappedKeyOf(Buffer.from(canary)))],
  ['an error about a data key', () => thrownBy(() => seal(secret(), dataKey(`${canary}!`), additionalData()))],
  ['an error about a wrong data key', () => thrownBy(() => unseal(forged(), secret(), additionalData()))],
  ['an error about a pack', () => thrownBy(() => unpackParts(packParts(secret(), secret()), 1))],
  ['an error about a pack cut short', () => thrownBy(() => unpackParts(secret(), 2))],
  ['an error about a context', () => thrownBy(() => contextFor('', { ...identity, tenantId: canary }))],
  ['an error about a disposed secret', () => thrownBy(() => disposed().revealText())],
  ['a fault', () => new Fault('secret-refused', { retryable: false, cause: broken() })],
  ['a fault because of a secret', () => new Fault('secret-refused', { retryable: false, cause: secret() })],
  [
    'a chain of causes that ends at a secret',
    () =>
      new Error('outer', {
        cause: new Fault('secret-refused', {
          retryable: true,
          cause: new AggregateError([broken(), Object.assign(new SealBroken(), { secret: secret() })], 'inner', {
            cause: { secret: secret() },
          }),
        }),
      }),
  ],
];

describe.each(things)('%s', (_what, thing) => {
  test.each(prints)('printed by %s shows nothing of its content', (_how, print) => {
    const printed = print(thing());
    expect(shows(printed), printed).toBe(false);
  });
});

test('a thing that does hold the content would be caught in each of its forms', () => {
  const bytes = new TextEncoder().encode(canary);
  const encoded = [Buffer.from(bytes).toString('hex'), Buffer.from(bytes).toString('base64'), bytes.join(',')];
  for (const text of [canary, ...encoded, inspect(Buffer.from(bytes)), inspect(bytes), JSON.stringify([...bytes])])
    expect(shows(text), text).toBe(true);
});

test('an error about a seal says that it did not open, and nothing else', () => {
  expect(JSON.stringify(ownOf(broken() as Error), ['name', 'message', 'cause', 'code'])).toBe(
    '{"name":"SealBroken","message":"A sealed secret did not open"}',
  );
});
