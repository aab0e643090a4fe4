// `npm run docs`: writes what is generated into docs/. test/unit/generated-docs.test.ts and test/infra/stage.test.ts fail when a committed file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { openApiDocument } from '../shared/contracts/openapi.ts';
import { withSettingsTable } from './settings-table.ts';

writeFileSync(new URL('../docs/openapi.json', import.meta.url), `${JSON.stringify(openApiDocument(), null, 2)}\n`);

const operations = new URL('../docs/operations.md', import.meta.url);
writeFileSync(operations, withSettingsTable(readFileSync(operations, 'utf8')));
