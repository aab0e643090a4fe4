// `npm run docs`: writes what is generated into docs/. test/unit/generated-docs.test.ts, test/infra/stage.test.ts and test/infra/key-matrix.test.ts fail when a committed file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { openApiDocument } from '../shared/contracts/openapi.ts';
import { withErrorTables } from './errors-document.ts';
import { eventsSchema, withEventReference } from './events-document.ts';
import { withKeyMatrix } from './key-matrix.ts';
import { withSettingsTable } from './settings-table.ts';
import { synthesizedTemplate } from './template.ts';

writeFileSync(new URL('../docs/openapi.json', import.meta.url), `${JSON.stringify(openApiDocument(), null, 2)}\n`);

writeFileSync(new URL('../docs/events.schema.json', import.meta.url), `${JSON.stringify(eventsSchema(), null, 2)}\n`);

const events = new URL('../docs/events.md', import.meta.url);
writeFileSync(events, withEventReference(readFileSync(events, 'utf8')));

const errors = new URL('../docs/errors.md', import.meta.url);
writeFileSync(errors, withErrorTables(readFileSync(errors, 'utf8')));

const operations = new URL('../docs/operations.md', import.meta.url);
writeFileSync(operations, withSettingsTable(readFileSync(operations, 'utf8')));

const security = new URL('../docs/security.md', import.meta.url);
writeFileSync(security, withKeyMatrix(readFileSync(security, 'utf8'), synthesizedTemplate('prod')));
