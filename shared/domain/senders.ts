/** How people write a phone number: digits and what they put between them. Anything else is an id of Meta's. */
const writtenNumber = /^\s*\+?[\d\s()./-]+$/;

/** E.164: at most 15 digits with the country code, which does not begin with 0. Shorter than 6 is no customer. */
const dialled = /^[1-9]\d{5,14}$/;

export const looksDialled = (sender: string): boolean => writtenNumber.test(sender);

/** The digits of a phone number as WhatsApp writes it: no separators, no + and no 00 before the country code. */
export const dialledDigits = (sender: string): string => sender.replace(/\D/g, '').replace(/^00/, '');

/** Whether it can be dialled from abroad: somebody who leaves the country code out would never be met. */
export const isInternational = (sender: string): boolean => dialled.test(dialledDigits(sender));

/** Whether an entry of a list of senders names this one: an id exactly, a phone number however it is written. */
export const namesSender = (entry: string, ids: readonly string[], numbers: readonly string[]): boolean =>
  ids.includes(entry) || (looksDialled(entry) && numbers.includes(dialledDigits(entry)));
