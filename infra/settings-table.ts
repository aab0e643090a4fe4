import { withTable } from './generated-table.ts';
import { describeSettings } from './stage.ts';

/** The document with the table of the settings between its two marks, as the schema has them now. */
export function withSettingsTable(document: string): string {
  const rows = describeSettings().map(({ name, description, defaults: { prod, dev, local } }) => [
    `\`${name}\``,
    description.replaceAll('|', '\\|'),
    code(prod),
    dev === prod ? '' : code(dev),
    local === prod ? '' : code(local),
  ]);
  return withTable(document, 'settings', ['setting', 'what it does', 'default', 'in `dev`', 'in `local`'], rows);
}

const code = (value: unknown) =>
  value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
