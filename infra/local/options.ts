import { parseArgs } from 'node:util';
import * as z from 'zod';
import { Refusal } from './refusal.ts';

/** Ports above the first that belong to one running copy (ports.ts). */
const PORTS_PER_COPY = 5;
const HIGHEST_PORT = 65_535;

/** Scheme, host and port; a slash at the end is forgiven. */
const origin = z
  .url({ protocol: /^https?$/, error: 'needs an http or https URL' })
  .transform((url) => url.replace(/\/$/, ''))
  .refine((url) => URL.canParse(url) && new URL(url).origin === url, 'must be scheme, host and port, without a path');

const StartOptions = z.strictObject({
  port: z
    .string('needs a number')
    .transform(Number)
    .pipe(
      z
        .number('needs a number')
        .int('needs a whole number')
        .min(1024, 'must be at least 1024')
        .max(HIGHEST_PORT - PORTS_PER_COPY + 1, `must leave room for ${PORTS_PER_COPY} ports`),
    )
    .optional(),
  'graph-url': origin.optional(),
  'public-url': origin
    .refine((url) => /^https:|^http:\/\/localhost(:|$)/.test(url), 'must be https: Meta calls nothing else')
    .optional(),
  'state-dir': z.string('needs a folder').min(1, 'needs a folder').default('.local'),
  reset: z.boolean('takes no value').default(false),
  help: z.boolean('takes no value').default(false),
});

const TokenOptions = z.strictObject({
  tenant: z.string('is required: --tenant NAME').min(1, 'needs a name').max(128, 'must be at most 128 characters'),
  operator: z.boolean('takes no value').default(false),
  email: z.email('needs an e-mail address').optional(),
  'state-dir': z.string('needs a folder').min(1, 'needs a folder').default('.local'),
  help: z.boolean('takes no value').default(false),
});

export type StartOptions = z.infer<typeof StartOptions>;
export type TokenOptions = z.infer<typeof TokenOptions>;

export const START_USAGE = `npm start -- [options]     runs Switchboard on this machine, on a local AWS emulator

  --port NUMBER      first of the five ports in a row that this copy uses (default 8787,
                     or those of the start before)
  --graph-url URL    Graph API to talk to instead of the simulator
  --public-url URL   https origin of a tunnel to the first port: where Meta reaches the
                     webhooks, and nothing but the webhooks
  --state-dir DIR    where data, keys and logs are kept (default .local)
  --reset            forget everything first
  --help             this text`;

export const TOKEN_USAGE = `npm run --silent token -- --tenant NAME [options]     prints an access token for the running copy

  --tenant NAME      whose token
  --operator         with the operator group
  --email ADDRESS    with this address, as a verified one
  --state-dir DIR    state folder of the running copy (default .local)
  --help             this text`;

/** @throws Refusal naming the option that is unknown or wrong. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  return parse(StartOptions, args);
}

/** @throws Refusal naming the option that is unknown, missing or wrong; `--help` needs no tenant. */
export function parseTokenOptions(args: readonly string[]): TokenOptions {
  return parse(TokenOptions, args.includes('--help') ? ['--tenant=unused', '--help'] : args);
}

function parse<Schema extends z.ZodObject>(schema: Schema, args: readonly string[]): z.infer<Schema> {
  const flags = Object.keys(schema.shape).filter((name) => schema.shape[name]?.safeParse(true).success);
  const declared = Object.keys(schema.shape).map((name) => [
    name,
    { type: flags.includes(name) ? ('boolean' as const) : ('string' as const) },
  ]);
  const { values, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(declared),
    strict: false,
    allowPositionals: true,
  });
  const unknown = Object.keys(values).find((name) => !(name in schema.shape));
  if (unknown !== undefined) throw new Refusal(`Unknown option --${unknown}. ${known(schema)}`);
  if (positionals[0] !== undefined) throw new Refusal(`Unknown argument "${positionals[0]}". ${known(schema)}`);
  const parsed = schema.safeParse({ ...values });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(`--${issue?.path.join('.')} ${issue?.message}.`);
}

function known(schema: z.ZodObject): string {
  const names = Object.keys(schema.shape).map((name) => `--${name}`);
  return `Known options: ${names.join(', ')}.`;
}
