import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentId } from '../../../shared/contracts/ids.ts';
import { keeping } from '../../../shared/domain/stickiness.ts';
import { bindingOf, ids } from '../../support/records.ts';

const minute = 60_000;
const start = Date.parse('2026-11-22T10:00:00.000Z');
const after = (minutes: number) => new Date(start + minutes * minute);
const binding = bindingOf({ routing: { default: true, conversationMinutes: 60 } });

test('an agent takes a conversation that is nobody’s, unknown, or another agent’s', () => {
  const taken = { agentId: ids.agent, agentUntil: after(80).toISOString() };
  const other = { agentId: agentId.parse('other'), agentUntil: after(100).toISOString() };
  for (const conversation of [undefined, { agentId: null, agentUntil: null }, other])
    expect(keeping(conversation, { binding }, after(0))).toEqual(taken);
});

test('nothing is written while the promised time is left, to the millisecond', () => {
  const conversation = { agentId: ids.agent, agentUntil: after(80).toISOString() };
  expect(keeping(conversation, { binding }, after(0))).toBeUndefined();
  expect(keeping(conversation, { binding }, after(20))).toBeUndefined();
  expect(keeping(conversation, { binding }, new Date(after(20).getTime() + 1))).toEqual({
    agentId: ids.agent,
    agentUntil: new Date(after(100).getTime() + 1).toISOString(),
  });
});

test('a conversation that expired is taken anew', () => {
  const conversation = { agentId: ids.agent, agentUntil: after(-5).toISOString() };
  expect(keeping(conversation, { binding }, after(0))?.agentUntil).toBe(after(80).toISOString());
});

test('a time that the user has shortened since is shortened', () => {
  const conversation = { agentId: ids.agent, agentUntil: after(10_080).toISOString() };
  expect(keeping(conversation, { binding }, after(0))?.agentUntil).toBe(after(80).toISOString());
});

test('however the messages come, each one keeps the conversation for the promised time and at most a third longer', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 90 * minute }), { maxLength: 50 }), (gaps) => {
      let at = start;
      let conversation: ReturnType<typeof keeping>;
      for (const gap of gaps) {
        at += gap;
        conversation = keeping(conversation, { binding }, new Date(at)) ?? conversation;
        const left = Date.parse(conversation?.agentUntil ?? '') - at;
        expect(left).toBeGreaterThanOrEqual(60 * minute);
        expect(left).toBeLessThanOrEqual(80 * minute);
      }
    }),
  );
});

test('a lively conversation of an hour, a message every ten seconds, is written three times', () => {
  let conversation: ReturnType<typeof keeping>;
  let writes = 0;
  for (let seconds = 0; seconds < 3600; seconds += 10) {
    const change = keeping(conversation, { binding }, new Date(start + seconds * 1000));
    if (change !== undefined) writes++;
    conversation = change ?? conversation;
  }
  expect(writes).toBe(3);
});
