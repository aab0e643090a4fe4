import { describe, expect, test } from 'vitest';
import type { DispatchOutcome } from '../../../shared/domain/dispatch.ts';
import { reportOf } from '../../../shared/domain/dispatch-report.ts';

const secret = 'CANARY-of-the-agent';
const answered = (change: object = {}): DispatchOutcome => ({
  outcome: 'answered',
  httpStatus: 200,
  replies: [],
  ...change,
});
const failed = (reason: string): DispatchOutcome => ({ outcome: 'failed', reason });

describe('a report', () => {
  test.each<[string, DispatchOutcome, object]>([
    [
      'counts messages and repeats none',
      answered({ replies: [{ type: 'text', text: secret }] }),
      { httpStatus: 200, replies: 1 },
    ],
    ['of nothing', answered(), { httpStatus: 200, replies: 0 }],
    ['of a 202', answered({ httpStatus: 202 }), { httpStatus: 202, replies: 0 }],
    ['of a queue', answered({ httpStatus: undefined }), { httpStatus: null, detail: expect.stringContaining('queue') }],
    [
      'of messages that cannot be read',
      answered({ unreadable: true }),
      { detail: expect.stringContaining('cannot be sent') },
    ],
    [
      'of a refused signature',
      { outcome: 'refused', httpStatus: 401 },
      { httpStatus: 401, guidance: expect.stringContaining('signing secret') },
    ],
    [
      'of a wrong path',
      { outcome: 'refused', httpStatus: 404 },
      { httpStatus: 404, guidance: expect.stringContaining('path') },
    ],
    [
      'of a limit',
      { outcome: 'refused', httpStatus: 413 },
      { httpStatus: 413, guidance: expect.stringContaining('1 MB') },
    ],
    [
      'of any other no',
      { outcome: 'refused', httpStatus: 422 },
      { httpStatus: 422, guidance: expect.stringContaining('log') },
    ],
    ['of the end', { outcome: 'gone' }, { httpStatus: 410, guidance: expect.stringContaining('resume') }],
    ['of a fault of the agent', { outcome: 'failed', reason: 'http-500', httpStatus: 500 }, { httpStatus: 500 }],
  ])('%s', (_what, outcome, report) => {
    expect(reportOf(outcome)).toMatchObject(report);
    expect(JSON.stringify(reportOf(outcome))).not.toContain(secret);
  });

  test.each([
    ['timeout', /10 seconds/],
    ['http-307', /redirect/],
    ['http-429', /busy/],
    ['http-500', /failed/],
    ['ECONNREFUSED', /listens/],
    ['ECONNRESET', /closed the connection/],
    ['ENOTFOUND', /no address/],
    ['CERT_HAS_EXPIRED', /certificate/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /certificate/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /certificate/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /certificate/],
    ['HPE_HEADER_OVERFLOW', /speak/],
    ['EPROTO', /speak/],
    ['address-not-public', /public/],
    ['target-refused', /not allowed/],
    ['answer-too-large', /256 KB/],
    ['answer-cut-short', /complete/],
    ['no-runtime', /no runtime/],
    ['function-error', /error/],
    ['answer-malformed', /form/],
    ['runtime-busy', /busy/],
    ['runtime-unavailable', /runtime/],
    ['EHOSTUNREACH', /reached/],
    ['toString', /reached/],
  ])('of a failure by %s says what is wrong and what to do', (reason, detail) => {
    const report = reportOf(failed(reason));
    expect(report).toMatchObject({ httpStatus: null, replies: 0, detail: expect.stringMatching(detail) });
    expect(report.guidance).toMatch(/\w+ \w+/);
  });
});
