import { describe, expect, test } from 'vitest';
import { Refusal } from '../../../infra/local/refusal.ts';
import { parseRedriveRequest } from '../../../infra/redrive/redrive-request.ts';

const conversation = `conv_${'A'.repeat(43)}`;

test('shows events of the stack Switchboard, unless it is told otherwise', () => {
  expect(parseRedriveRequest([])).toEqual({
    queue: 'events',
    conversation: undefined,
    limit: 1000,
    confirm: false,
    includeUnreadable: false,
    stack: 'Switchboard',
    stateDirectory: undefined,
  });
});

test('takes queue, conversation, limit, stack and running copy', () => {
  expect(
    parseRedriveRequest(['--queue', 'clean-up', '--limit', '7', '--confirm', '--include-unreadable']),
  ).toMatchObject({ queue: 'clean-up', limit: 7, confirm: true, includeUnreadable: true });
  expect(
    parseRedriveRequest(['--conversation', conversation, '--stack', 'Switchboard-dev', '--state-dir', '.local']),
  ).toMatchObject({ conversation, stack: 'Switchboard-dev', stateDirectory: '.local' });
});

describe('is refused', () => {
  test.each<[string, string[], RegExp]>([
    ['with a queue that there is not', ['--queue', 'checks'], /The queue is one of events, set-up/],
    ['with something that is no conversation', ['--conversation', 'Ada'], /A conversation looks like conv_…/],
    ['with a limit of nothing', ['--limit', '0'], /The limit is 1 to 10000 messages/],
    ['with a limit beyond the bound', ['--limit', '10001'], /The limit is 1 to 10000 messages/],
    ['with a limit that is no number', ['--limit', '1e3'], /The limit is a number of messages/],
    ['with a conversation of other work', ['--queue', 'reseal', '--conversation', conversation], /Only events have/],
    ['with a conversation and what has none', ['--conversation', conversation, '--include-unreadable'], /nobody knows/],
    ['with an option that there is not', ['--force'], /--force/],
    ['with words left over', ['now'], /now/],
  ])('%s, with the usage', (_, args, reason) => {
    expect(() => parseRedriveRequest(args)).toThrow(Refusal);
    expect(() => parseRedriveRequest(args)).toThrow(reason);
    expect(() => parseRedriveRequest(args)).toThrow(/Usage: npm run redrive/);
  });
});
