import { createHash, randomBytes } from 'node:crypto';
import type { Customer } from './seed.ts';

// What surrounds the digits in the wamids of Meta's samples: 1c 18 <length> <digits> 15 02 00 <direction> 18 <length> <hex> 00.
const BEFORE_DIGITS = [0x1c, 0x18];
const AFTER_DIGITS = [0x15, 0x02, 0x00];
const DIRECTIONS = { inbound: { mark: 0x12, randomBytes: 10 }, outbound: { mark: 0x11, randomBytes: 9 } } as const;

/** A message id as Meta makes them: base64 that contains the customer's phone number in clear digits. */
export function newWamid(direction: keyof typeof DIRECTIONS, digits: string): string {
  const { mark, randomBytes: count } = DIRECTIONS[direction];
  const number = Buffer.from(digits, 'ascii');
  const unique = Buffer.from(randomBytes(count).toString('hex').toUpperCase(), 'ascii');
  const bytes = Buffer.concat([
    Buffer.from([...BEFORE_DIGITS, number.length]),
    number,
    Buffer.from([...AFTER_DIGITS, mark, 0x18, unique.length]),
    unique,
    Buffer.from([0x00]),
  ]);
  return `wamid.${bytes.toString('base64')}`;
}

/** The business-scoped user id: the same customer has another one in every business portfolio. */
export function userIdFor(customer: Customer, businessId: string): string {
  if (customer.userId !== undefined) return customer.userId;
  const digest = createHash('sha256').update(`${businessId}/${customer.waId}`).digest();
  return `${customer.country}.${digest.readBigUInt64BE(0).toString().padStart(20, '1')}`;
}

/** "+1 (555) 010-0200" as webhooks and wa_id spell it: digits only. */
export function digitsOf(phoneNumber: string): string {
  return phoneNumber.replace(/\D/g, '');
}
