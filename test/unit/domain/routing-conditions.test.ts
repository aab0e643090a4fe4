import { describe, expect, test } from 'vitest';
import { tidyConditions } from '../../../shared/domain/routing-conditions.ts';

test('conditions are kept in one form: phone numbers as + and digits, ids and words as they are', () => {
  expect(
    tidyConditions({
      keywords: ['Order \t status', 'cafe\u0301'],
      senders: [
        '0049 (151) 123-456-78',
        '+1 555 0100',
        'DE.13491208655302741918',
        'Y2FwaV9ncm91cDox',
        '120363043211234567',
      ],
      referralSourceIds: ['120210000000000001'],
    }),
  ).toEqual({
    conditions: {
      keywords: ['Order status', 'café'],
      senders: ['+4915112345678', '+15550100', 'DE.13491208655302741918', 'Y2FwaV9ncm91cDox', '120363043211234567'],
      referralSourceIds: ['120210000000000001'],
    },
  });
});

test('what is not named stays so', () => {
  expect(tidyConditions({ keywords: ['order'] })).toEqual({ conditions: { keywords: ['order'] } });
});

describe('refused, with a pointer to the entry', () => {
  test.each<[string, Parameters<typeof tidyConditions>[0], string]>([
    ['a keyword twice, in another case', { keywords: ['a', 'Order', 'ORDER'] }, '/keywords/2'],
    ['a keyword twice, in another spelling', { keywords: ['Straße', 'strasse'] }, '/keywords/1'],
    ['a phrase twice, in other spaces', { keywords: ['order status', 'order  status'] }, '/keywords/1'],
    ['a keyword that nobody can see', { keywords: ['\u200b\u00ad'] }, '/keywords/0'],
    ['a phone number twice, written otherwise', { senders: ['+49 151 12345678', '004915112345678'] }, '/senders/1'],
    ['a user id twice', { senders: ['DE.1', 'DE.2', 'DE.1'] }, '/senders/2'],
    ['a phone number without country code', { senders: ['0151 12345678'] }, '/senders/0'],
    ['half a phone number', { senders: ['+49'] }, '/senders/0'],
    ['no number at all', { senders: ['+'] }, '/senders/0'],
    ['an ad twice', { referralSourceIds: ['1', '1'] }, '/referralSourceIds/1'],
  ])('%s', (_what, conditions, pointer) => {
    const outcome = tidyConditions(conditions);
    expect('errors' in outcome && outcome.errors.map((error) => error.pointer)).toEqual([pointer]);
  });

  test('all of them at once, none of them quoted', () => {
    const outcome = tidyConditions({
      keywords: ['secret', 'SECRET'],
      senders: ['0151 777'],
      referralSourceIds: ['9', '9'],
    });
    expect('errors' in outcome && outcome.errors).toHaveLength(3);
    expect(JSON.stringify(outcome)).not.toMatch(/secret|777|"9"/i);
  });
});
