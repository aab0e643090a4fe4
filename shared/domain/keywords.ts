/** What stands between two words in the folded form of a text, and at both ends of it: no text holds it itself. */
const boundary = '\u0000';

/** So much is judged, in UTF-16 units: the longest text that a customer can type into WhatsApp. */
const judgedLength = 65_536;

/** Scripts that put no space between words. */
const unspaced = String.raw`\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}`;

/** A word is a run of letters, digits and their marks; a sign of an unspaced script, a punctuation mark or an emoji is one by itself. */
const word = new RegExp(
  String.raw`[${unspaced}]\p{M}*|[[\p{L}\p{N}\p{M}]--[${unspaced}]]+|[^\p{White_Space}${boundary}]`,
  'gv',
);

/** Joiners, variation selectors, soft hyphens, direction marks: nobody sees them, and keyboards add them as they like. */
const invisible = /\p{Default_Ignorable_Code_Point}/gu;

/** One form for all that reads the same: widths, case in whatever language, typographic apostrophes. */
const folded = (text: string): string =>
  text
    .normalize('NFKC')
    // Down, then up: ẞ and ß become SS, ς and σ become Σ, ı and i become I.
    .toLowerCase()
    .toUpperCase()
    .normalize('NFKC')
    .replaceAll('İ', 'I')
    .replaceAll('’', "'")
    .replace(invisible, '');

/** A text or a keyword in the form in which they are compared; empty when there is nothing to see in it. */
export const wordsOf = (text: string): string => {
  const words = folded(text.slice(0, judgedLength)).match(word) ?? [];
  return words.length === 0 ? '' : `${boundary}${words.join(boundary)}${boundary}`;
};

/** Whether the keyword stands in the text as whole words; both as `wordsOf` made them. Takes time in proportion to the text. */
export const holdsWords = (text: string, keyword: string): boolean => keyword !== '' && text.includes(keyword);
