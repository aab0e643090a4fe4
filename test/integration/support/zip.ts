import { crc32 } from 'node:zlib';

/** An archive of one file, stored as it is (APPNOTE.TXT 4.3): what Lambda takes as code. */
export function zipOf(name: string, text: string): Uint8Array {
  const content = Buffer.from(text);
  const names = Buffer.from(name);
  const facts = Buffer.alloc(26);
  facts.writeUInt16LE(20, 0);
  facts.writeUInt32LE(crc32(content), 10);
  facts.writeUInt32LE(content.byteLength, 14);
  facts.writeUInt32LE(content.byteLength, 18);
  facts.writeUInt16LE(names.byteLength, 22);
  const file = Buffer.concat([Buffer.from('PK\u0003\u0004'), facts, names, content]);
  const entry = Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 0]), facts, Buffer.alloc(14), names]);
  // Readable by everybody, as a Unix mode.
  entry.writeUInt16LE(0o100_644, 40);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(entry.byteLength, 8);
  end.writeUInt32LE(file.byteLength, 12);
  return Buffer.concat([file, entry, Buffer.from('PK\u0005\u0006'), end]);
}
