import { describe, expect, test } from 'vitest';
import { idempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import { tenantId } from '../../shared/contracts/ids.ts';
import { idempotencyContract } from '../support/idempotency-contract.ts';
import { dynamoDbOf, engineNames, makeTable } from './support/engines.ts';
import { rowsOf } from './support/rows.ts';

describe.each(engineNames)('on %s', (engine) => {
  idempotencyContract(async (now) => {
    const table = await makeTable(engine);
    return { store: idempotencyStore(dynamoDbOf(engine), table, now), rows: () => rowsOf(engine, table) };
  });

  test('an answer that DynamoDB might not hold is not given again, one that it holds is', async () => {
    const store = idempotencyStore(dynamoDbOf(engine), await makeTable(engine));
    const answerAfter = async (digest: string, answer: string) => {
      await store.begin(tenantId.parse('acme'), digest, 'body');
      await store.finish(tenantId.parse('acme'), digest, answer);
      return (await store.begin(tenantId.parse('acme'), digest, 'body')).outcome;
    };
    expect(await answerAfter('largest', 'x'.repeat(300 * 1024))).toBe('answered');
    expect(await answerAfter('too large', 'x'.repeat(300 * 1024 + 1))).toBe('shown');
    expect(await answerAfter('too large in bytes', 'ü'.repeat(150 * 1024 + 1))).toBe('shown');
  });
});
