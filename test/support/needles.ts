/** A value that must be found nowhere but where its owner put it. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** Long enough to be no coincidence, shorter than every needle. In characters. */
const headLength = 12;

export interface Haystack {
  readonly place: string;
  readonly content: string | Uint8Array;
}

/** Where which canary was found, in whatever spelling. One that is as short as a PIN counts where it stands alone, as it is. */
export function findCanaries(canaries: readonly Canary[], haystacks: readonly Haystack[]): readonly string[] {
  const byHead = Map.groupBy(
    canaries.flatMap(({ name, value }) => spellingsOf(value).map((spelling) => ({ name, spelling }))),
    ({ spelling }) => spelling.slice(0, headLength),
  );
  const found = new Set<string>();
  const short = canaries.filter(({ value }) => value.length <= headLength);
  for (const { place, content } of haystacks) {
    // Byte by byte in latin1, so that text and binary are searched alike.
    const text = Buffer.from(content).toString('latin1');
    for (let at = 0; at + headLength <= text.length; at++) {
      for (const { name, spelling } of byHead.get(text.slice(at, at + headLength)) ?? [])
        if (text.startsWith(spelling, at)) found.add(`${name} in ${place}`);
    }
    for (const { name, value } of short)
      if (new RegExp(`(?<![0-9A-Za-z])${value}(?![0-9A-Za-z])`).test(text)) found.add(`${name} in ${place}`);
  }
  return [...found];
}

/** As it is, in other case, in a URL, in JSON and in JSON within JSON, in hex, in base64 at each of its three offsets, and the bytes that it stands for. */
function spellingsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const stoodFor = /^[0-9a-f]+$/i.test(value) ? Buffer.from(value, 'hex') : Buffer.from(value, 'base64');
  return [
    value,
    value.toLowerCase(),
    value.toUpperCase(),
    encodeURIComponent(value),
    inJson(value),
    inJson(inJson(value)),
    bytes.toString('hex'),
    ...inBase64(bytes),
    stoodFor.toString('latin1'),
    stoodFor.toString('hex'),
  ].filter((spelling) => spelling.length > headLength);
}

const inJson = (value: string): string => JSON.stringify(value).slice(1, -1);

/** What of a value's base64 does not depend on what stands before and behind it. */
function inBase64(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = encoded.slice(offset === 0 ? 0 : offset + 1, -1);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
