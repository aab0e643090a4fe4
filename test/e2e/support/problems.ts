import { expect } from 'vitest';
import type { Problem } from '../../../shared/contracts/problem.ts';
import type { Answer } from './api.ts';

/** Checks that an answer is such a problem, in the form that the contract promises (RFC 9457), and answers it. */
export function expectProblem(
  answer: Answer,
  expected: { readonly status: number; readonly code: string; readonly pointer?: string | undefined },
): Problem {
  expect(answer.status, answer.text).toBe(expected.status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  const problem = answer.body as Problem;
  expect(problem).toMatchObject({
    type: `urn:switchboard:problem:${expected.code}`,
    code: expected.code,
    status: expected.status,
    title: expect.stringMatching(/\w+/),
    instance: expect.stringContaining('urn:switchboard:request:'),
  });
  if (expected.pointer !== undefined) {
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual([expected.pointer]);
    expect(problem.guidance).toMatch(/\w+ \w+/);
  }
  return problem;
}
