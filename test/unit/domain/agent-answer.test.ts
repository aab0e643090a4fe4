import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../../shared/domain/agent-answer.ts';

const text = { type: 'text', text: { body: 'hi' } };
const said = (body: unknown, httpStatus = 200) =>
  outcomeOf({ httpStatus, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
const taken = { outcome: 'answered', httpStatus: 200, replies: [] };
const unreadable = { ...taken, unreadable: true };
const nested = (depth: number, inner: string) => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`;
const reply = (inner: string) => `{"messages":[{"type":"text","text":${inner}}]}`;

describe('an answer that holds messages', () => {
  test('has them taken over as they are', () => {
    expect(said({ messages: [text, text] })).toEqual({ ...taken, replies: [text, text] });
  });

  test.each([
    ['a list of none', { messages: [] }],
    ['nothing', ''],
    ['an object without messages', {}],
    ['a word', '"ok"'],
    ['null', 'null'],
    ['a list', '[{"type":"text"}]'],
    ['no JSON', '<html>thanks</html>'],
    ['JSON that is cut off', '{"messages":[{"type":"text"'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]).toString('latin1')],
  ])('may hold %s: the event is taken', (_what, body) => {
    expect(said(body)).toEqual(taken);
  });

  test.each([
    ['a word', { messages: 'hello' }],
    ['null', { messages: null }],
    ['an object', { messages: { 0: text, length: 1 } }],
    ['one too many', { messages: Array.from({ length: 11 }, () => text) }],
    ['a hundred thousand of nothing', { messages: Array.from({ length: 100_000 }, () => 0) }],
    ['one without a type', { messages: [text, { text: { body: 'hi' } }] }],
    ['one of a type that WhatsApp does not have', { messages: [{ type: 'access_token' }] }],
    ['one whose type is a list', { messages: [{ type: ['text'] }] }],
    ['one that is a list', { messages: [[text]] }],
    ['one that is nested too deeply', reply(nested(15, '1'))],
    ['one that is nested a hundred thousand times', reply('['.repeat(100_000) + ']'.repeat(100_000))],
    ['a number that is none', reply('{"preview_url":1e999}')],
    [
      'more than can be kept',
      { messages: Array.from({ length: 10 }, () => ({ type: 'text', text: 'ÿ'.repeat(16_000) })) },
    ],
  ])('and is %s has none of them sent, and the event is taken', (_what, body) => {
    expect(said(body)).toEqual(unreadable);
  });

  test('may be nested as deeply as messages are', () => {
    expect(said(reply(nested(13, '1')))).toMatchObject({ replies: [{ type: 'text' }] });
  });

  test('cannot reach into what is not its own', () => {
    const outcome = said(
      '{"messages":[{"type":"text","__proto__":{"to":"4915"},"constructor":{"prototype":{"to":"4915"}}}]}',
    );
    expect(outcome).toMatchObject({ outcome: 'answered' });
    expect(({} as { to?: string }).to).toBeUndefined();
  });

  test.each([201, 202, 203, 204, 206, 299])('is one of 200 alone: %i has taken the event', (httpStatus) => {
    expect(said({ messages: [text] }, httpStatus)).toEqual({ ...taken, httpStatus });
  });

  test('is not unpacked', () => {
    expect(outcomeOf({ httpStatus: 200, body: Buffer.from('{"messages":[]}'), isEncoded: true })).toEqual(unreadable);
    expect(outcomeOf({ httpStatus: 200, body: Buffer.from(''), isEncoded: true })).toEqual(taken);
  });
});

describe('a status', () => {
  test.each([400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 418, 422, 451, 499])(
    '%i is a definite no',
    (httpStatus) => {
      expect(said('', httpStatus)).toEqual({ outcome: 'refused', httpStatus });
    },
  );

  test('410 is the end', () => {
    expect(said('', 410)).toEqual({ outcome: 'gone' });
  });

  test.each([0, 101, 199, 300, 301, 302, 303, 304, 307, 308, 408, 425, 429, 500, 501, 502, 503, 504, 599, 600, 999])(
    '%i is no answer: repeat',
    (httpStatus) => {
      expect(said({ messages: [text] }, httpStatus)).toEqual({
        outcome: 'failed',
        reason: `http-${httpStatus}`,
        httpStatus,
      });
    },
  );
});

describe('a wish for a pause', () => {
  const pause = (retryAfter: string | undefined, httpStatus = 503) =>
    (outcomeOf({ httpStatus, body: new Uint8Array(), retryAfter }) as { retryAfterSeconds?: number }).retryAfterSeconds;

  test.each([
    ['1', 1],
    ['007', 7],
    ['300', 300],
    ['301', 300],
    ['9999999999', 300],
  ])('of %s seconds is granted as %i', (wish, granted) => {
    expect(pause(wish)).toBe(granted);
  });

  test.each([
    undefined,
    '',
    '0',
    '-1',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    ' 5',
    '5 ',
    '5, 6',
    '99999999999',
    'NaN',
    'Infinity',
    '５',
    'Wed, 21 Oct 2065 07:28:00 GMT',
  ])('of %j is none', (wish) => {
    expect(pause(wish)).toBeUndefined();
  });

  test.each([200, 400, 410])('after %i has no meaning', (httpStatus) => {
    expect(pause('5', httpStatus)).toBeUndefined();
  });
});
