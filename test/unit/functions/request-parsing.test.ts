import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { parseBody, rawBodyOf } from '../../../functions/edge/request-parsing.ts';
import type { Refused } from '../../../shared/domain/outcome.ts';

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('the bytes of a request', () => {
  test('are those that were sent, whether the gateway encoded them or not', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const body = Buffer.from(bytes).toString('base64');
        expect([...rawBodyOf({ body, isBase64Encoded: true })]).toEqual([...bytes]);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (body) => {
        expect([...rawBodyOf({ body, isBase64Encoded: false })]).toEqual([...new TextEncoder().encode(body)]);
      }),
    );
  });

  test.each([true, false])('are none where there is no body (encoded: %s)', (isBase64Encoded) => {
    expect([...rawBodyOf({ isBase64Encoded })]).toEqual([]);
    expect([...rawBodyOf({ body: undefined, isBase64Encoded })]).toEqual([]);
  });
});

describe('a body', () => {
  const sized = (bytes: number) => Buffer.from(`"${'x'.repeat(bytes - 2)}"`);

  test('of 65,536 bytes is read, and refused with one more', () => {
    expect(parseBody(sized(65_536), z.string())).toEqual({ body: 'x'.repeat(65_534) });
    expect(parseBody(sized(65_537), z.string())).toMatchObject({ refused: 'body-too-large' });
  });

  test('is refused by every field that is wrong, each with its pointer and its own reason', () => {
    const schema = z.strictObject({
      name: z.string('needs a text'),
      list: z.array(z.strictObject({ kind: z.enum(['a'], 'is another kind') })),
    });
    expect(parseBody(bytesOf({ name: 1, list: [{ kind: 'a' }, { kind: 'CANARY', CANARY: 1 }] }), schema)).toMatchObject(
      {
        refused: 'invalid-request',
        details: {
          errors: [
            { pointer: '/name', message: 'needs a text' },
            { pointer: '/list/1/kind', message: 'is another kind' },
            { pointer: '/list/1', message: 'Holds a field that is not known here.' },
          ],
        },
      },
    );
  });

  test('is refused where a field is missing, in words, unless the schema has better ones', () => {
    const schema = z.object({ name: z.string(), age: z.number('Say how old') });
    expect(parseBody(bytesOf({}), schema)).toMatchObject({
      details: {
        errors: [
          { pointer: '/name', message: 'Is required.' },
          { pointer: '/age', message: 'Say how old' },
        ],
      },
    });
  });

  test('is refused where a field is of another type, and not as if it were missing', () => {
    const { details } = parseBody(bytesOf({ age: 'old' }), z.object({ age: z.number() })) as Refused;
    expect(details.errors?.[0]?.message).toMatch(/number/);
  });

  test('is refused with pointers that are escaped as RFC 6901 says', () => {
    const schema = z.object({ 'a/b~c~1': z.string() });
    expect(parseBody(bytesOf({}), schema)).toMatchObject({ details: { errors: [{ pointer: '/a~1b~0c~01' }] } });
  });
});
