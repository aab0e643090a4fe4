// `npm run --silent token -- --tenant NAME [--operator] [--email ADDRESS]`: prints one access token for the running copy, and nothing else.
import { signAccessToken } from './access-token.ts';
import { keptIssuerKey } from './issuer-key.ts';
import { parseTokenOptions, TOKEN_USAGE } from './options.ts';
import { explain, Refusal } from './refusal.ts';
import { readStack } from './stack-file.ts';
import { StateDirectory } from './state-directory.ts';

try {
  const options = parseTokenOptions(process.argv.slice(2));
  console.log(options.help ? TOKEN_USAGE : await tokenFor(options));
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}

async function tokenFor(options: ReturnType<typeof parseTokenOptions>): Promise<string> {
  const state = new StateDirectory(options['state-dir']);
  const { issuer } = readStack(state);
  const key = keptIssuerKey(state);
  if (key === undefined)
    throw new Refusal(`There is no signing key in ${state.shown()}: start again with \`npm start\`.`);
  return signAccessToken(key, issuer, options);
}
