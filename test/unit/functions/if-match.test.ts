import { describe, expect, test } from 'vitest';
import { etagOf, versionProblem } from '../../../functions/edge/api-lambda.ts';

describe('a change', () => {
  test('that does not say what it is based on is refused', () => {
    expect(versionProblem(undefined, 3)).toEqual({
      refused: 'precondition-required',
      details: { guidance: expect.stringMatching(/^Send If-Match with the ETag/) as string },
    });
  });

  test.each(['"2"', '"4"', '"33"', '3', 'W/"3"', '"3", "4"', '', '"*"', '**'])(
    'of what was the third version is refused when it is based on %j',
    (ifMatch) => {
      expect(versionProblem(ifMatch, 3)).toEqual({
        refused: 'precondition-failed',
        details: { guidance: expect.stringMatching(/^Read it again.*its new ETag/) as string },
      });
    },
  );

  test.each(['"3"', '*'])('of what was the third version is welcome when it is based on %j', (ifMatch) => {
    expect(versionProblem(ifMatch, 3)).toBeUndefined();
  });
});

test('an ETag is a strong one', () => {
  expect(etagOf(3)).toBe('"3"');
});
