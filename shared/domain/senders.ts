/** How people write a phone number: digits and what they put between them. Anything else is an id of Meta's. */
const writtenNumber = /^\s*\+?[\d\s()./-]*$/;

/** In digits, with the country code (E.164). */
const longestNumber = 15;

/** No country code begins with 0, and nobody's number is shorter. */
const international = /^[1-9]\d{5,}$/;

/** Longer ones are ids. */
export const looksDialled = (sender: string): boolean =>
  writtenNumber.test(sender) && dialledDigits(sender).length <= longestNumber;

/** The digits of a phone number as WhatsApp writes it: no separators, no + and no 00 before the country code. */
export const dialledDigits = (sender: string): string => sender.replace(/\D/g, '').replace(/^00/, '');

/** Whether it can be dialled from abroad: somebody who leaves the country code out would never be met. */
export const isInternational = (sender: string): boolean => international.test(dialledDigits(sender));

/** Whether an entry of a list of senders names this one: an id exactly, a phone number however it is written. */
export const namesSender = (entry: string, ids: readonly string[], numbers: readonly string[]): boolean =>
  ids.includes(entry) || (looksDialled(entry) && numbers.includes(dialledDigits(entry)));
