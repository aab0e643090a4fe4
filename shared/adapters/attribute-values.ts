import * as z from 'zod';

type AttributeValue = Readonly<Record<string, unknown>>;

const attribute = z.record(z.string(), z.unknown());
const image = z.record(z.string(), attribute);

/** A row as a stream shows it, with plain values; undefined where there is none. What is of a kind that nobody here reads is left out. */
export const rowOf = (streamed: unknown): Readonly<Record<string, unknown>> | undefined => {
  const attributes = image.safeParse(streamed).data;
  return (
    attributes && Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, plainOf(value)] as const))
  );
};

// Why not the SDK's own `unmarshall`: it throws on what it does not know, and one such row would stop the stream.
const plainOf = (value: AttributeValue): unknown => {
  const [[type, content] = ['', undefined]] = Object.entries(value);
  switch (type) {
    case 'S':
    case 'BOOL':
      return content;
    case 'N':
      return Number(content);
    case 'NULL':
      return null;
    case 'L':
      return z.array(attribute).safeParse(content).data?.map(plainOf);
    case 'M':
      return rowOf(content);
    default:
      return undefined;
  }
};
