// `npm run docs`: writes what is generated into docs/. test/unit/generated-docs.test.ts fails when a committed file is stale.
import { writeFileSync } from 'node:fs';
import { openApiDocument } from '../shared/contracts/openapi.ts';

writeFileSync(new URL('../docs/openapi.json', import.meta.url), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
