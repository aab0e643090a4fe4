import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { RunningStack } from './stack-file.ts';
import { REPOSITORY } from './state-directory.ts';

export const WALK_THROUGH_TENANT = 'acme';

const SimulatorSeed = z.object({
  apps: z.array(z.object({ id: z.string(), secret: z.string() })),
  phoneNumbers: z.array(z.object({ id: z.string(), wabaId: z.string(), verifiedName: z.string() })),
  tokens: z.array(
    z.object({ value: z.string(), appId: z.string(), assets: z.union([z.literal('all'), z.array(z.string())]) }),
  ),
});

interface Example {
  readonly credential: Readonly<Record<'appId' | 'appSecret' | 'wabaId' | 'accessToken', string>>;
  readonly phoneNumberId: string;
  readonly lastStep: string;
}

/** What is printed once all is up: the addresses, and commands to paste that lead from nothing to an agent's answer. */
export function walkThrough(stack: RunningStack, graphApiUrl: string, token: string, publicUrl = stack.api): string {
  const simulated = graphApiUrl === stack.simulator;
  const { credential, phoneNumberId, lastStep } = simulated ? fromSeed(stack) : forOwnNumber();
  const whatsapp = { enabled: true, credentialId: 'CREDENTIAL', phoneNumberId, routing: { default: true } };
  const agent = { name: 'Demo', target: { type: 'https', url: `${stack.agent}/` }, whatsapp };
  return `
Switchboard is up. Ctrl-C stops it and keeps the data; \`npm start -- --reset\` forgets it.

  API                ${stack.api}/v1   (contract: ${stack.api}/openapi.json)
  Customer's phone   ${stack.simulator}/
  Demo agent         ${stack.agent}/
  Token issuer       ${stack.issuer}
  AWS endpoint       ${stack.awsEndpoint}
  Graph API          ${graphApiUrl}
  Webhooks           ${publicUrl}/webhooks/…
${isMeta(graphApiUrl) ? META_WARNING : ''}${isMeta(graphApiUrl) && isOnThisMachine(publicUrl) ? UNREACHABLE_WARNING : ''}
Walk-through, to paste into another terminal (once: the data outlives a restart). The token is for tenant ${WALK_THROUGH_TENANT} and good
for 12 hours; for others: npm run --silent token -- --tenant NAME [--operator]

API=${stack.api}
TOKEN=${token}

echo Step 1: connect WhatsApp credentials
ANSWER=$(curl -sS $API/v1/credentials -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
  -d '${JSON.stringify({ label: 'Demo shop', ...credential })}'); printf '%s\\n' "$ANSWER"
CREDENTIAL=$(printf '%s' "$ANSWER" | node -pe 'JSON.parse(fs.readFileSync(0, "utf8")).id')

echo Step 2: create an agent for the number and hand its signing secret to the demo agent
ANSWER=$(curl -sS -X PUT $API/v1/agents/demo -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
  -H 'if-none-match: *' -d '${JSON.stringify(agent).replace('CREDENTIAL', `'"$CREDENTIAL"'`)}'); printf '%s\\n' "$ANSWER"
printf '%s' "$ANSWER" | curl -sS ${stack.agent}/signing-secret --data-binary @-; echo

echo Step 3: give the agent a key of its own, by which it answers when it has thought
curl -sS -X POST $API/v1/agents/demo/keys -H "authorization: Bearer $TOKEN" | curl -sS ${stack.agent}/api-key/demo --data-binary @-; echo

echo 'Step 4: ${lastStep}'
`;
}

function fromSeed(stack: RunningStack): Example {
  const file = join(REPOSITORY, 'simulator', 'seed.default.json');
  const { apps, phoneNumbers, tokens } = SimulatorSeed.parse(JSON.parse(readFileSync(file, 'utf8')));
  const [app] = apps;
  const [number] = phoneNumbers;
  const token = tokens.find(
    ({ appId, assets }) => appId === app?.id && (assets === 'all' || assets.includes(number?.wabaId ?? '')),
  );
  if (app === undefined || number === undefined || token === undefined) throw new Error(`${file} has no usable token.`);
  return {
    credential: { appId: app.id, appSecret: app.secret, wabaId: number.wabaId, accessToken: token.value },
    phoneNumberId: number.id,
    lastStep: `open ${stack.simulator}/ , choose "${number.verifiedName}", type a message and read the answer; attach a photo and get it back`,
  };
}

function forOwnNumber(): Example {
  return {
    credential: { appId: 'APP_ID', appSecret: 'APP_SECRET', wabaId: 'WABA_ID', accessToken: 'ACCESS_TOKEN' },
    phoneNumberId: 'PHONE_NUMBER_ID',
    lastStep: 'put your own values in place of the words in capitals, then write to the number',
  };
}

const META_WARNING = `
WARNING: this copy talks to the real Meta. The emulator under it has no password: whatever reaches loopback, pages in
your browser included, can read what is stored. Use credentials that you can revoke, and --reset afterwards.
`;

const UNREACHABLE_WARNING = `
WARNING: Meta can't reach localhost, so no webhook can be set up and no message comes in. Run a tunnel to the API's port
and start with its address: npm start -- --graph-url … --public-url https://…
`;

function isOnThisMachine(url: string): boolean {
  return new URL(url).hostname === 'localhost';
}

function isMeta(graphApiUrl: string): boolean {
  return /(^|\.)(facebook|whatsapp)\.(com|net)$/.test(new URL(graphApiUrl).hostname);
}
