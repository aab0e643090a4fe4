import {
  type MetaErrorText,
  metaErrorFamilies,
  metaErrorLinks,
  metaErrors,
  tokenErrors,
} from '../shared/contracts/meta-errors.ts';
import { problems } from '../shared/contracts/problem.ts';
import { withTable } from './generated-table.ts';

/** The document with its tables of problems, of Meta's errors and of their categories between their marks, as the contracts have them now. */
export function withErrorTables(document: string): string {
  return withTable(
    withTable(
      withTable(document, 'problems', ['code', 'status', 'title'], problemRows()),
      'meta-errors',
      ['code', 'category', 'what it means', 'what to do', 'again?'],
      metaErrorRows(),
    ),
    'categories',
    ['category', 'where to look'],
    Object.entries(metaErrorLinks).map(([category, { href, title }]) => [`\`${category}\``, `[${title}](${href})`]),
  );
}

const problemRows = (): string[][] =>
  Object.entries(problems).map(([code, { status, title }]) => [`\`${code}\``, String(status), title]);

const metaErrorRows = (): string[][] => {
  const bySize = (a: readonly [number, string, MetaErrorText], b: typeof a) => a[0] - b[0];
  const single = metaErrors.flatMap(([codes, text]) => codes.map((code) => [code, String(code), text] as const));
  const families = metaErrorFamilies.map(([from, to, text]) => [from, `${from} to ${to}`, text] as const);
  const tokens = [...tokenErrors].map(([subcode, text]) => [190 + subcode / 1000, `190/${subcode}`, text] as const);
  return [...single, ...families, ...tokens].sort(bySize).map(([, name, text]) => rowOf(name, text));
};

const rowOf = (name: string, { category, title, explanation, guidance, ...again }: MetaErrorText): string[] => [
  name,
  `\`${category}\``,
  `**${title}.** ${explanation}`,
  guidance,
  again.retryAfterSeconds === undefined ? again.retry : `later: ${lasting(again.retryAfterSeconds)}`,
];

/** In the largest unit that divides it. */
const lasting = (seconds: number): string => {
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ] as const)
    if (seconds % size === 0) return `${seconds / size} ${unit}`;
  return `${seconds} s`;
};
