import { invalidParameter } from '../errors.ts';

export interface RequestedField {
  readonly name: string;
  /** The fields asked of an edge, as in `phone_numbers{id,status}`. */
  readonly nested: string | undefined;
}

/** Splits `fields=id,name,phone_numbers.limit(5){id}` at its outer commas. */
export function parseFields(fields: string): RequestedField[] {
  const items: string[] = [];
  let depth = 0;
  let item = '';
  for (const character of fields) {
    if (character === '{' || character === '(') depth += 1;
    if (character === '}' || character === ')') depth -= 1;
    if (character === ',' && depth === 0) {
      items.push(item);
      item = '';
    } else {
      item += character;
    }
  }
  return [...items, item]
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => ({ name: /^[^.{(]*/.exec(text)?.[0] ?? text, nested: /\{(.*)\}$/s.exec(text)?.[1] }));
}

export interface NodeType {
  readonly name: string;
  readonly fields: ReadonlySet<string>;
  readonly defaults: readonly string[];
}

/**
 * The asked-for fields that have a value, `id` always among them. @throws GraphError 100 for a field that the node does not
 * have: it fails the whole call
 */
export function selectFields(
  node: NodeType,
  values: Readonly<Record<string, unknown>>,
  fields: string | undefined,
): Record<string, unknown> {
  const names = fields === undefined ? node.defaults : parseFields(fields).map(({ name }) => name);
  for (const name of names) {
    if (!node.fields.has(name)) {
      throw invalidParameter(`Tried accessing nonexistent field (${name}) on node type (${node.name})`);
    }
  }
  const present = [...new Set([...names, 'id'])].filter((name) => values[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, values[name]]));
}
