import type { Seed, SeedInput } from '../../../simulator/seed.ts';
import type { Attempt } from '../../../simulator/webhook-delivery.ts';
import { stack } from './stack.ts';

export interface Delivered {
  readonly wamid: string;
  readonly payload: unknown;
  readonly deliveries: readonly {
    readonly appId: string;
    readonly url: string;
    readonly level: string;
    readonly attempts: readonly Attempt[];
  }[];
}

/** What reached Meta's /messages: a message to a customer, or a read receipt. */
export interface Sent {
  readonly at: string;
  readonly kind: 'message' | 'read';
  readonly phoneNumberId: string;
  readonly to: string | null;
  readonly wamid: string;
  readonly typing: boolean;
  readonly body: Readonly<Record<string, unknown>> & { readonly text?: { readonly body: string } };
}

export interface GraphCall {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly errorCode: number | null;
  readonly ms: number;
  /** The token's name, `app:<App ID>` for an app token. */
  readonly caller: string;
  readonly tokenIn: string;
  readonly proof: string;
  readonly secretsInUrl: readonly string[];
  /** The fault that hit it. */
  readonly fault: string | null;
}

export interface Medium {
  readonly id: string;
  readonly phoneNumberId: string;
  readonly mimeType: string;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}

export type MetaState = Pick<Seed, 'appSubscriptions' | 'wabaSubscriptions' | 'phoneOverrides'>;

type Body = Readonly<Record<string, unknown>>;

/** The simulated Meta, through its control API. */
export const meta = {
  seed: (seed: SeedInput) => control('POST', 'seed', seed),
  state: () => control<MetaState>('GET', 'state'),
  /** A customer sends a message. */
  message: (message: Body) => control<Delivered>('POST', 'message', message),
  /** Any webhook body at all. */
  deliver: (delivery: Body) => control<Delivered>('POST', 'deliver', delivery),
  targets: (phoneNumberId: string) =>
    control<{ targets: { appId: string; url: string; level: string }[] }>(
      'GET',
      `targets?phoneNumberId=${phoneNumberId}`,
    ),
  change: (what: string, patch: Body) => control('PATCH', what, patch),
  /** From now on Meta signs with this App Secret, and takes proofs of no other. */
  appSecretChanges: (appId: string, secret: string) => control('POST', `apps/${appId}/rotate-secret`, { secret }),
  tokenDies: (name: string, how: 'expire' | 'revoke' | 'change-password' | 'restore') =>
    control('POST', `tokens/${name}/${how}`, {}),

  async sent(phoneNumberId: string, kind: Sent['kind'] = 'message'): Promise<readonly Sent[]> {
    return (await control<{ items: Sent[] }>('GET', `sent?phoneNumberId=${phoneNumberId}&kind=${kind}`)).items;
  },
  forgetSent: () => control('DELETE', 'sent'),
  async calls(path: string, method?: string): Promise<readonly GraphCall[]> {
    const query = new URLSearchParams({ path, ...(method === undefined ? {} : { method }) });
    return (await control<{ items: GraphCall[] }>('GET', `calls?${query}`)).items;
  },
  async foreign(name: string): Promise<readonly Body[]> {
    const { items } = await control<{ items: Body[] }>('GET', 'foreign');
    return items.filter((item) => item.name === name);
  },
  /** What Meta has of media, whoever sent them. @throws when it has none under that id */
  async medium(id: string): Promise<Medium> {
    const { items } = await control<{ items: Medium[] }>('GET', 'media');
    const found = items.find((item) => item.id === id);
    if (found === undefined) throw new Error(`Meta has no media ${id}.`);
    return found;
  },
  /** What becomes of the next message that a number sends. */
  outcome: (outcome: Body) => control('POST', 'outcomes', outcome),
  /** A fault that lasts until it is disposed of. */
  async fault(fault: Body): Promise<AsyncDisposable & { readonly id: string }> {
    const { id } = await control<{ id: string }>('POST', 'faults', fault);
    return { id, [Symbol.asyncDispose]: () => control<void>('DELETE', `faults/${id}`) };
  },
} as const;

async function control<T = void>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${stack.simulator}/_control/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} /_control/${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
