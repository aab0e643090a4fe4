import { describe, expect, test } from 'vitest';
import { webhookId } from '../../../shared/contracts/ids.ts';
import { failedSignatures } from '../../../shared/domain/failed-signatures.ts';
import { ids } from '../../support/records.ts';

const world = () => {
  let at = Date.parse('2026-11-22T10:00:00Z');
  const failures = failedSignatures(() => new Date(at));
  return {
    ...failures,
    fail: (times: number, id = ids.webhook) => {
      for (let time = 0; time < times; time++) failures.count(id);
    },
    wait: (milliseconds: number) => {
      at += milliseconds;
    },
  };
};

describe('failed signatures of a webhook', () => {
  test('are too many from the twentieth at once', () => {
    const it = world();
    it.fail(19);
    expect(it.areTooMany(ids.webhook)).toBe(false);
    it.fail(1);
    expect(it.areTooMany(ids.webhook)).toBe(true);
  });

  test('are suspicious from the fifth within seconds, once an hour', () => {
    const it = world();
    for (let time = 1; time <= 4; time++) {
      it.fail(1);
      it.wait(20);
      expect(it.areSuspicious(ids.webhook)).toBe(false);
    }
    it.fail(1);
    expect([it.areSuspicious(ids.webhook), it.areSuspicious(ids.webhook)]).toEqual([true, false]);
    it.wait(60 * 60 * 1000);
    expect(it.areSuspicious(ids.webhook)).toBe(false);
    it.fail(5);
    expect(it.areSuspicious(ids.webhook)).toBe(true);
  });

  test('are not suspicious where one fails now and then', () => {
    const it = world();
    for (let time = 0; time < 50; time++) {
      it.fail(1);
      it.wait(3_000);
      expect(it.areSuspicious(ids.webhook)).toBe(false);
    }
  });

  test('are forgiven one every three seconds', () => {
    const it = world();
    it.fail(20);
    it.wait(2_999);
    expect(it.areTooMany(ids.webhook)).toBe(true);
    it.wait(1);
    expect(it.areTooMany(ids.webhook)).toBe(false);
    it.fail(1);
    expect(it.areTooMany(ids.webhook)).toBe(true);
  });

  test('of a long flood are not held against it for longer', () => {
    const it = world();
    it.fail(1_000);
    it.wait(3_000);
    expect(it.areTooMany(ids.webhook)).toBe(false);
  });

  test('never count for more than a full bucket, however long there were none', () => {
    const it = world();
    it.fail(1);
    it.wait(24 * 60 * 60 * 1000);
    it.fail(20);
    expect(it.areTooMany(ids.webhook)).toBe(true);
  });

  test('are nothing to another webhook', () => {
    const it = world();
    it.fail(100);
    expect(it.areTooMany(ids.appWebhook)).toBe(false);
  });

  test('are remembered of a bounded number of webhooks', () => {
    const it = world();
    it.fail(20);
    for (let index = 0; index < 10_000; index++) it.fail(1, webhookId.parse(`wh_${String(index).padStart(43, '0')}`));
    expect(it.areTooMany(ids.webhook)).toBe(false);
  });
});
