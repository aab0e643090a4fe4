import { describe, expect, test } from 'vitest';
import { holdsWords, wordsOf } from '../../../shared/domain/keywords.ts';

const holds = (text: string, keyword: string) => holdsWords(wordsOf(text), wordsOf(keyword));

describe('a keyword is found', () => {
  test.each([
    ['in any case', 'Where is my ORDER?', 'order'],
    ['beside punctuation', '(order)', 'order'],
    ['at a line break', 'hello\norder\nplease', 'order'],
    ['as a phrase, however it is spaced', 'the  order \t status now', 'order status'],
    ['in full width', 'ｏｒｄｅｒ', 'order'],
    ['composed or not', 'cafe\u0301', 'CAFÉ'],
    ['with ß as ss', 'STRASSE', 'Straße'],
    ['with the capital ẞ', 'STRAẞE', 'straße'],
    ['with the final sigma', 'ΟΔΟΣ', 'οδοσ'],
    ['with the Turkish capital İ', 'İPTAL', 'iptal'],
    ['with the Turkish dotless ı', 'SATIN', 'satın'],
    ['with the apostrophe of a telephone', 'I don’t know', "don't"],
    ['with a soft hyphen in the text', 'or\u00adder', 'order'],
    ['with a joiner in the text', 'or\u200bder', 'order'],
    ['in Chinese, which has no spaces', '我的订单呢', '订单'],
    ['in Japanese', '注文はどこ', '注文'],
    ['in Korean', '주문 취소', '취소'],
    ['in Thai', 'กินที่ไหน', 'ที่'],
    ['in Arabic', 'أين طلبي؟', 'طلبي'],
    ['in Hindi, with its marks', 'मेरा ऑर्डर', 'ऑर्डर'],
    ['as an emoji', 'great 👍🏽!', '👍'],
    ['as an emoji with or without variation selector', '❤️', '❤'],
    ['with signs of its own', 'I love C++!', 'c++'],
    ['that looks like a pattern', 'what does .* mean', '.*'],
  ])('%s', (_what, text, keyword) => {
    expect(holds(text, keyword)).toBe(true);
  });
});

describe('a keyword is not found', () => {
  test.each([
    ['as part of a longer word', 'orders', 'order'],
    ['at the end of a longer word', 'reorder', 'order'],
    ['before a digit', 'order2', 'order'],
    ['without its accent', 'café', 'cafe'],
    ['without its vowel mark, in Thai', 'กินที่ไหน', 'ที'],
    ['with another word between', 'order my status', 'order status'],
    ['without its signs', 'C', 'C++'],
    ['as a pattern', 'order', '.*'],
    ['as an alternative of patterns', 'b', 'a|b'],
    ['where nothing is said', '', 'order'],
    ['when there is nothing to see in it', 'order', '\u200b\u00ad'],
    ['when it is a zero, and the text holds one', 'a\u0000b', '\u0000'],
    ['across a zero in the text', 'a\u0000b', 'ab'],
  ])('%s', (_what, text, keyword) => {
    expect(holds(text, keyword)).toBe(false);
  });
});

describe('50 keywords in 64 KB take time in proportion to the text, and not to what they nearly match', () => {
  const long = (unit: string) => unit.repeat(65_536 / unit.length);
  test.each([
    ['one endless word', long('A'), 'A'.repeat(99)],
    ['a phrase that fails at its end', long('A '), `${'A '.repeat(49)}B`],
    ['a phrase that fails at its beginning', long('A '), `B ${'A '.repeat(49)}`],
    ['a periodic phrase', long('A B '), `${'A B '.repeat(24)}A A`],
    ['marks without letter', long('\u0301'), '\u0301'.repeat(99)],
    ['signs', long('?'), `${'?'.repeat(99)}!`],
  ])('%s', (_what, text, keyword) => {
    const time = (said: string) => {
      const started = performance.now();
      const words = wordsOf(said);
      for (let index = 0; index < 50; index++) expect(holdsWords(words, wordsOf(keyword))).toBe(false);
      return performance.now() - started;
    };
    const eighth = text.slice(0, text.length / 8);
    const fastest = (said: string) => Math.min(...Array.from({ length: 5 }, () => time(said)));
    // Eight times the text: quadratic time would be 64 times as much. The constant covers what does not grow.
    expect(fastest(text)).toBeLessThan(20 * fastest(eighth) + 20);
  });

  test('what is longer than anybody can type is not judged', () => {
    expect(holds(`${'x '.repeat(40_000)} order`, 'order')).toBe(false);
  });
});
