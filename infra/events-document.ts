import * as z from 'zod';
import { agentAnswer, agentEvent } from '../shared/contracts/agent-event.ts';
import { agentEventExamples } from '../shared/contracts/agent-event-examples.ts';
import { eventsMessage } from '../shared/contracts/queued-events.ts';
import { alignedTable, withGenerated } from './generated-table.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

// As the input of whoever reads it: what is not described may be there too, since version 1 may gain fields.
const jsonSchemaOf = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, id: __, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
  return rest;
};

const types = agentEvent.options.map((event) => ({ type: event.shape.type.value, event }));

/** Everything that docs/events.md publishes, as one JSON Schema (draft 2020-12): an agent event; the answer is among the definitions. */
export const eventsSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:switchboard:agent-events:1',
  title: 'What an agent receives (version 1)',
  oneOf: types.map(({ type }) => ({ $ref: `#/$defs/${type}` })),
  $defs: {
    ...Object.fromEntries(types.map(({ type, event }) => [type, jsonSchemaOf(event)])),
    answer: jsonSchemaOf(agentAnswer),
  },
});

/** docs/events.md with what is generated from the contracts in its places. */
export const withEventReference = (document: string): string => {
  const withFields = withGenerated(document, 'fields', commonFields());
  const withTypes = withGenerated(withFields, 'event types', types.map(eventSection).join('\n\n'));
  const withAnswer = withGenerated(withTypes, 'answer schema', folded('JSON Schema', jsonSchemaOf(agentAnswer)));
  return withGenerated(withAnswer, 'queue schema', folded('JSON Schema', jsonSchemaOf(eventsMessage)));
};

/** What all types have in common, read off the first of them. */
const commonFields = (): string => {
  const [first] = types;
  if (first === undefined) throw new Error('There are no events.');
  const schema = jsonSchemaOf(first.event);
  const own = Object.keys(first.event.shape.data.shape).at(-1);
  const rows = fieldsOf(schema, '').filter(([name]) => name !== `\`data.${own}\``);
  return alignedTable(['field', 'form', 'meaning'], rows);
};

const fieldsOf = ({ properties = {} }: JsonSchema, path: string): string[][] =>
  Object.entries(properties).flatMap(([name, schema]) => {
    if (typeof schema === 'boolean') return [];
    const inner = fieldsOf(schema, `${path}${name}.`);
    if (inner.length > 0 && schema.description === undefined) return inner;
    return [[`\`${path}${name}\``, formOf(schema), schema.description ?? ''], ...inner];
  });

const formOf = (schema: JsonSchema): string => {
  if (typeof schema.const === 'number') return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.anyOf !== undefined)
    return schema.anyOf.map((one) => (typeof one === 'boolean' ? '' : formOf(one))).join(' or ');
  return schema.format === 'date-time' ? 'time' : [schema.type].flat().join(' or ');
};

const eventSection = ({ type, event }: (typeof types)[number]): string => {
  const examples = agentEventExamples.filter((example) => example.event.type === type);
  return [
    `### \`${type}\``,
    event.meta()?.description ?? '',
    ...examples.flatMap(({ title, event: example }) => [`${title}:`, fenced(example)]),
    folded('JSON Schema', jsonSchemaOf(event)),
  ].join('\n\n');
};

const fenced = (value: object): string => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

const folded = (summary: string, schema: JsonSchema): string =>
  `<details><summary>${summary}</summary>\n\n${fenced({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema })}\n\n</details>`;
