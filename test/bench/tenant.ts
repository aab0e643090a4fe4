import * as z from 'zod';
import type { Listener } from './listener.ts';
import { type RunningCopy, tokenFor } from './running-copy.ts';

const appSecret = 'facade00facade00facade00facadebe';

const created = z.object({ id: z.string(), webhook: z.object({ url: z.url(), state: z.literal('configured') }) });

/** A tenant whose credential is connected, and whose numbers are answered each by an agent of its own: the listener. */
export interface ConnectedTenant {
  readonly appSecret: string;
  readonly wabaId: string;
  readonly phoneNumberIds: readonly string[];
  /** Path of its webhook. */
  readonly webhookPath: string;
}

// Fresh ids, so that a copy that keeps its data can be measured again.
const run = String(Date.now()).slice(-9);
let tenants = 0;

/** Connects a new tenant with so many numbers, at the simulator and by the API. */
export async function connectTenant(copy: RunningCopy, listener: Listener, numbers: number): Promise<ConnectedTenant> {
  const unique = `${run}${String(tenants++).padStart(3, '0')}`;
  const appId = `9001${unique}`;
  const wabaId = `9002${unique}`;
  const accessToken = `EAAFAKEbench${unique}${'0'.repeat(32)}ZDZD`;
  const phoneNumberIds = Array.from({ length: numbers }, (_, index) => `9004${unique}${index}`);
  await call(`${copy.simulator}/_control/seed`, {
    method: 'POST',
    body: {
      apps: [{ id: appId, name: 'Benchmark', secret: appSecret }],
      wabas: [{ id: wabaId, name: 'Benchmark', businessId: `9003${unique}`, businessName: 'Benchmark' }],
      phoneNumbers: phoneNumberIds.map((id, index) => ({
        id,
        wabaId,
        displayPhoneNumber: `+1 555-010-${unique.slice(-4)}${index}`,
        verifiedName: `Benchmark ${index}`,
      })),
      tokens: [
        {
          name: `bench-${unique}`,
          value: accessToken,
          appId,
          type: 'SYSTEM_USER',
          scopes: ['whatsapp_business_management', 'whatsapp_business_messaging'],
          assets: 'all',
        },
      ],
    },
  });

  const authorization = `Bearer ${await tokenFor(`bench-${unique}`, copy)}`;
  const credential = created.parse(
    await call(`${copy.api}/v1/credentials`, {
      method: 'POST',
      headers: { authorization },
      body: { label: 'Benchmark', appId, appSecret, wabaId, accessToken, phoneNumberIds },
    }),
  );
  for (const [index, phoneNumberId] of phoneNumberIds.entries())
    await call(`${copy.api}/v1/agents/bench-${index}`, {
      method: 'PUT',
      headers: { authorization, 'if-none-match': '*' },
      body: {
        name: `Benchmark ${index}`,
        target: { type: 'https', url: `${listener.url}/agents/${index}` },
        whatsapp: { enabled: true, credentialId: credential.id, phoneNumberId, routing: { default: true } },
      },
    });
  return { appSecret, wabaId, phoneNumberIds, webhookPath: new URL(credential.webhook.url).pathname };
}

interface Call {
  readonly method: 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

async function call(url: string, { method, headers, body }: Call): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} was answered with ${response.status}: ${answer}`);
  return answer === '' ? undefined : JSON.parse(answer);
}
