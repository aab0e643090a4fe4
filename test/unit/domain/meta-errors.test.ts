import { describe, expect, test } from 'vitest';
import { messageFailure } from '../../../shared/contracts/agent-event.ts';
import { eventId } from '../../../shared/contracts/ids.ts';
import { metaErrorLinks, metaErrors, tokenErrors } from '../../../shared/contracts/meta-errors.ts';
import type { GraphFailure } from '../../../shared/domain/graph.ts';
import { explainMetaError, failureOfReply, failureOfStatus } from '../../../shared/domain/meta-errors.ts';

/** Every code that Meta documents for what we do, or that was seen, and whether a repeat can help. */
const never = [
  0, 3, 10, 33, 100, 101, 104, 190, 200, 299, 803, 2200, 130403, 130472, 130497, 131005, 131008, 131009, 131021, 131026,
  131030, 131031, 131037, 131042, 131044, 131045, 131047, 131050, 131051, 131052, 131053, 131055, 131062, 131063,
  132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 133005, 133006, 133010, 134011,
  134100, 134102, 135000, 137000, 138000, 138999, 139000, 139999, 131200, 131299, 147001, 147002, 147003, 147004,
  147005, 2388012, 2388019, 2388039, 2388040, 2388047, 2388072, 2388073, 2388091, 2388093, 2388103, 2388293, 2388299,
  2593107, 2593108, 2593109,
];
const later = [
  1, 2, 4, 17, 32, 368, 613, 80007, 80008, 130429, 131016, 131048, 131049, 131056, 131057, 131064, 132069, 133000,
  133004, 133008, 133009, 133015, 133016, 134101, 2494100,
];
const unknown = explainMetaError(-1);

/** Why a token is not valid any more, by the subcode of 190. */
const tokenSubcodes = [458, 459, 460, 463, 464, 467, 492];

test('the catalogue holds every code that Meta documents, each once, and none that nobody has judged', () => {
  const documented = [...never, ...later, 131000];
  const held = metaErrors.flatMap(([codes]) => codes);
  expect(new Set(held).size).toBe(held.length);
  expect(held.filter((code) => !documented.includes(code))).toEqual([]);
  // The others are of families, of which Meta does not document each.
  const ofFamilies = documented.filter((code) => !held.includes(code));
  expect(ofFamilies).toEqual([
    200, 299, 138000, 138999, 139000, 139999, 131200, 131299, 147001, 147002, 147003, 147004, 147005,
  ]);
  expect([...tokenErrors.keys()]).toEqual(tokenSubcodes);
});

describe('an error of Meta', () => {
  test.each([
    [190, 'credential'],
    [10, 'permission'],
    [131_026, 'recipient'],
    [131_047, 'window'],
    [132_001, 'template'],
    [80_007, 'rate'],
    [130_429, 'throughput'],
    [131_056, 'pair'],
    [131_048, 'quality'],
    [131_042, 'billing'],
    [368, 'policy'],
    [133_010, 'number'],
    [131_000, 'outage'],
    [100, 'request'],
  ])('%i is about %s', (code, category) => {
    expect(explainMetaError(code).category).toBe(category);
  });

  test.each([...never.map((code) => [code, 'never']), ...later.map((code) => [code, 'later']), [131000, 'now']])(
    '%i is explained, and to be repeated %s',
    (code, retry) => {
      const text = explainMetaError(Number(code));
      expect(text).not.toEqual(unknown);
      expect(text.retry).toBe(retry);
      expect(text.retryAfterSeconds === undefined).toBe(retry !== 'later');
      for (const words of [text.title, text.explanation, text.guidance]) expect(words).toMatch(/^[A-Z`].{10,}/s);
      expect(metaErrorLinks[text.category].href).toMatch(/^https:/);
    },
  );

  test.each(tokenSubcodes)('190 says why the token is not valid any more: %i', (subcode) => {
    expect(explainMetaError(190, subcode).explanation).not.toBe(explainMetaError(190).explanation);
    expect(explainMetaError(190, subcode).guidance).toMatch(/new token/);
  });

  test('100 with 33 is about what cannot be seen, and 190 with an unknown subcode is a 190', () => {
    expect(explainMetaError(100, 33)).toEqual(explainMetaError(33));
    expect(explainMetaError(100, 34)).toEqual(explainMetaError(100));
    expect(explainMetaError(190, 1)).toEqual(explainMetaError(190));
    expect(explainMetaError(4, 463)).toEqual(explainMetaError(4));
  });

  test.each([-1, 5, 199, 300, 131001, 131300, 137999, 140000, 999999, Number.NaN])(
    '%d is not known, and has an answer',
    (code) => {
      expect(explainMetaError(code)).toEqual(unknown);
      expect(unknown).toMatchObject({ retry: 'never', guidance: expect.stringMatching(/\w/) });
    },
  );

  test('waits as long as it lasts: seconds for one customer, an hour for calls, three days for registrations', () => {
    const pauses = [131056, 4, 133016].map((code) => explainMetaError(code).retryAfterSeconds);
    expect(pauses).toEqual([6, 3600, 259_200]);
  });
});

const reply = { inReplyTo: eventId.parse(`evt_${'a'.repeat(43)}`), index: 1 };

describe('a reply that failed', () => {
  test.each<[GraphFailure, object]>([
    [
      { kind: 'refused', refusal: 'other', code: 131047, fbtraceId: 'trace' },
      { outcome: 'refused', meta: { code: 131047, fbtraceId: 'trace' }, retry: 'never', wamid: null },
    ],
    [
      { kind: 'refused', refusal: 'token-invalid', code: 190, subcode: 463 },
      { outcome: 'refused', meta: { code: 190, subcode: 463 }, explanation: 'The token has expired.' },
    ],
    [{ kind: 'not-sent' }, { outcome: 'refused', meta: null, retry: 'now' }],
    [{ kind: 'unknown-outcome' }, { outcome: 'unknown', meta: null, retry: 'never' }],
  ])('with %j is told to the agent in the published form', (failure, told) => {
    const said = failureOfReply(reply, failure);
    expect(messageFailure.parse(said)).toEqual(said);
    expect(said).toMatchObject({ ...told, ...reply });
  });
});

describe('a message that Meta took and could not deliver', () => {
  const failed = (error: unknown) => failureOfStatus(reply, { id: 'wamid.1', status: 'failed', errors: [error] });

  test('is told with the code and what Meta says of it', () => {
    const said = failed({ code: 131049, title: 'ignored', error_data: { details: 'Not delivered.' }, href: 'ignored' });
    expect(messageFailure.parse(said)).toEqual(said);
    expect(said).toMatchObject({
      outcome: 'failed',
      wamid: 'wamid.1',
      ...reply,
      meta: { code: 131049, details: 'Not delivered.' },
      retry: 'later',
    });
  });

  test('is told of with the details where older versions have them', () => {
    expect(failed({ code: 131026, details: 'Old.' }).meta).toEqual({ code: 131026, details: 'Old.' });
  });

  test.each([
    ['no errors', { status: 'failed' }],
    ['an empty list', { errors: [] }],
    ['an error without a code', { errors: [{ title: 'x' }] }],
    ['a code that is a word', { errors: [{ code: '131049' }] }],
    ['a code that is no whole number', { errors: [{ code: 1.5 }] }],
    ['another form', { id: 5, errors: 'none' }],
  ])('and of which it says %s is told all the same', (_what, status) => {
    const said = failureOfStatus(reply, status);
    expect(messageFailure.parse(said)).toEqual(said);
    expect(said).toMatchObject({ outcome: 'failed', meta: null, wamid: null });
  });

  test.each([
    ['an access token', 'Error validating EAAGm0PX4ZCpsBAKZCl9ZBxyz0123456789abcdef'],
    ['a proof', `Invalid ${'0123456789abcdef'.repeat(4)} given`],
    ['something opaque', `Look: ${'Zm9v'.repeat(20)}==`],
  ])('is told without %s that Meta quotes', (_what, details) => {
    const told = JSON.stringify(failed({ code: 190, error_data: { details } }));
    expect(told).toContain('…');
    expect(told).not.toMatch(/[A-Za-z0-9]{30}/.exec(details)?.[0] ?? 'none');
  });

  test('is told in no more words than are worth reading', () => {
    expect(failed({ code: 1, error_data: { details: 'word '.repeat(1_000) } }).meta?.details).toHaveLength(300);
    expect(failed({ code: 1, error_data: { details: '  ' } }).meta).toEqual({ code: 1 });
  });
});
