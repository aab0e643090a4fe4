import { describe, expect, test } from 'vitest';
import { changeOf } from '../../../functions/activity/project-activity.lambda.ts';
import { rowOf } from '../../../shared/adapters/attribute-values.ts';
import { stepOf } from '../../../shared/domain/activity.ts';
import { ids } from '../../support/records.ts';

const Keys = { pk: { S: `evt_${'a'.repeat(43)}` }, sk: { S: 'CLAIM' } };
const image = (more: object = {}) => ({
  ...Keys,
  tenantId: { S: ids.tenant },
  credentialId: { S: ids.credential },
  phoneNumberId: { S: ids.number },
  agentId: { S: ids.agent },
  kind: { S: 'message' },
  receivedAt: { S: '2026-11-22T10:00:00.000Z' },
  state: { S: 'leased' },
  fates: { L: [] },
  leaseUntil: { N: '1795707055839' },
  ...more,
});
const record = (images: object) => ({
  eventName: 'MODIFY',
  dynamodb: { Keys, ApproximateCreationDateTime: 1_795_341_605, ...images },
});
const marksOf = (streamed: unknown) => changeOf(streamed).map((change) => stepOf(change)?.marks);

describe('a record of the stream', () => {
  test('of a row that is new has no former image, and counts', () => {
    expect(marksOf(record({ NewImage: image() }))).toEqual([['in']]);
  });

  test('of a row that goes has no image any more, and counts nothing', () => {
    expect(marksOf(record({ OldImage: image() }))).toEqual([undefined]);
  });

  test('of a row that changes is compared with what it was', () => {
    const fates = { L: [{ M: { fate: { S: 'sent' } } }, { M: { fate: { S: 'refused' }, metaCode: { NULL: true } } }] };
    const changed = record({ OldImage: image(), NewImage: image({ state: { S: 'done' }, fates }) });
    expect(marksOf(changed)).toEqual([['dispatched', 'answered:0', 'failed:1:']]);
  });

  test('says when it was written, to the second', () => {
    expect(changeOf(record({ NewImage: image() }))).toMatchObject([{ at: '2026-11-22T10:00:05.000Z' }]);
  });

  test.each([
    ['without anything', {}],
    ['of another form', { dynamodb: 'CANARY' }],
    ['whose images are none', record({ NewImage: 'CANARY', OldImage: { pk: 'CANARY' } })],
    [
      'with values of kinds that nobody reads',
      record({ NewImage: image({ state: { B: 'AAAA' }, fates: { SS: ['x'] } }) }),
    ],
  ])('%s stops none of the others', (_what, streamed) => {
    expect(marksOf(streamed).filter((marks) => marks !== undefined)).toEqual([]);
  });
});

test('a row has plain values, as far as anybody here reads them', () => {
  expect(
    rowOf({
      a: { S: 'x' },
      b: { N: '1.5' },
      c: { NULL: true },
      d: { BOOL: false },
      e: { M: { f: { L: [{ N: '1' }] } } },
      g: { B: 'AA==' },
    }),
  ).toEqual({ a: 'x', b: 1.5, c: null, d: false, e: { f: [1] }, g: undefined });
  expect(rowOf(undefined)).toBeUndefined();
});
