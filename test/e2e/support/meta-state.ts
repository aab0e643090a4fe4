import { expect } from 'vitest';
import type { LeftAtMeta } from '../../../shared/contracts/credential.ts';
import type { Business } from './business.ts';
import { meta } from './meta.ts';
import { stack } from './stack.ts';

/** One thing that Meta has configured for an app, by the level and id that `leftAtMeta` would name. */
export type Configured = Readonly<Record<string, string>>;

/** Everything that Meta has configured for the app of a business, ours, somebody else's and nobody's. Empty: nothing at all. */
export async function configuredFor({ app }: Pick<Business, 'app'>): Promise<Configured> {
  const { appSubscriptions, wabaSubscriptions, phoneOverrides } = await meta.state();
  const ofApp = <T extends { readonly appId: string }>(list: readonly T[]) => list.filter((it) => it.appId === app.id);
  const entries: (readonly [string, string])[] = [
    ...ofApp(appSubscriptions).map((it) => [`app ${app.id}`, `${it.callbackUrl} ${it.fields.join()}`] as const),
    ...ofApp(wabaSubscriptions).map((it) => [`account ${it.wabaId}`, it.overrideCallbackUri ?? 'subscribed'] as const),
    ...ofApp(phoneOverrides).map((it) => [`number ${it.phoneNumberId}`, it.overrideCallbackUri] as const),
  ];
  return Object.fromEntries(entries);
}

/** What of one state is not as it is in another: level and id. */
export const changedBetween = (one: Configured, other: Configured): readonly string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((key) => one[key] !== other[key]).sort();

export const namedIn = (left: readonly LeftAtMeta[]): readonly string[] =>
  left.map(({ level, id }) => `${level} ${id}`).sort();

/** Who gets a message of a number: ours, somebody else or nobody, and at which level. */
export async function hearersOf(phoneNumberId: string): Promise<string> {
  const { targets } = await meta.targets(phoneNumberId);
  return targets.map(({ url, level }) => `${whose(url)} (${level})`).join(', ') || 'nobody';
}

/** For people: which level is whose. */
export const inWords = (configured: Configured): string =>
  Object.entries(configured)
    .map(([key, value]) => `${key.split(' ')[0]}: ${value === 'subscribed' ? value : whose(value)}`)
    .join(', ') || 'nothing';

const whose = (url: string): string =>
  url.startsWith(stack.api) ? 'ours' : url.includes('/_foreign/') ? 'theirs' : 'unknown';

/** A bare subscription deletes an override that was set before: there must be none after it. */
export async function expectNoBareSubscriptionAfterOverride(wabaId: string, numbers: readonly string[]): Promise<void> {
  const bare = await meta.calls(`/${wabaId}/subscribed_apps$`, 'POST');
  const overrides = await meta.calls(`/(${numbers.join('|')})$`, 'POST');
  const first = overrides[0]?.at ?? '9999';
  expect(bare.filter(({ at }) => at > first)).toEqual([]);
  expect(bare.length).toBeLessThanOrEqual(1);
}
