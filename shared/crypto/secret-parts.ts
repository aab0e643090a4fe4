import { SecretBytes } from './secret-bytes.ts';

/** Several secrets that are always needed together, in one sealed blob: each preceded by its length (uint16, big-endian). */
export const packParts = (...parts: readonly SecretBytes[]): SecretBytes => {
  const packed = Buffer.alloc(parts.reduce((sum, part) => sum + 2 + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    offset = packed.writeUInt16BE(part.byteLength, offset);
    packed.set(part.bytes(), offset);
    offset += part.byteLength;
  }
  return SecretBytes.takeOver(packed);
};

/** The parts, each with a lifetime of its own. @throws {RangeError} when the bytes are no such pack. */
export const unpackParts = (packed: SecretBytes, count: number): readonly SecretBytes[] => {
  const bytes = packed.bytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bounds: { start: number; end: number }[] = [];
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const start = offset + 2;
    offset = start + view.getUint16(offset);
    bounds.push({ start, end: offset });
  }
  if (offset !== bytes.byteLength) throw new RangeError('The bytes are no pack of so many secrets');
  return bounds.map(({ start, end }) => SecretBytes.takeOver(bytes.slice(start, end)));
};
