export type JsonObject = Readonly<Record<string, unknown>>;

/** JSON in UTF-8 or as a text; undefined for anything else. */
export const jsonOf = (json: Uint8Array | string): unknown => {
  try {
    return JSON.parse(typeof json === 'string' ? json : textOf(json));
  } catch {
    return undefined;
  }
};

/** Without a copy of the bytes. */
const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('utf8');

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects and lists within each other, more than so many. */
export const nestsDeeperThan = (value: unknown, depth: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => nestsDeeperThan(inner, depth - 1));
};
