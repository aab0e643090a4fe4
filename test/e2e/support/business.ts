import { randomBytes, randomInt } from 'node:crypto';
import type { Customer, SeedInput } from '../../../simulator/seed.ts';
import { meta } from './meta.ts';
import { recordCanary, recordCredentialCanaries } from './record.ts';

type Token = NonNullable<SeedInput['tokens']>[number];

/** A Meta app with an access token, and accounts with numbers, as a user has them before they come to us. */
export interface Business {
  readonly app: { readonly id: string; readonly secret: string };
  readonly token: { readonly name: string; readonly value: string };
  readonly wabas: readonly { readonly id: string; readonly numbers: readonly string[] }[];
}

export interface BusinessPlan {
  /** How many numbers each of its accounts has. */
  readonly numbers?: readonly number[];
  readonly token?: Partial<Token>;
  readonly phoneNumber?: Partial<NonNullable<SeedInput['phoneNumbers']>[number]>;
}

/** Fresh at Meta, every secret of it a canary that the last test file looks for. */
export async function newBusiness({ numbers = [1], token, phoneNumber }: BusinessPlan = {}): Promise<Business> {
  const business: Business = {
    app: { id: newId(1), secret: newAppSecret() },
    token: { name: `e2e-${randomBytes(6).toString('hex')}`, value: newAccessToken() },
    wabas: numbers.map((count) => ({ id: newId(2), numbers: Array.from({ length: count }, () => newId(4)) })),
  };
  const { app, wabas } = business;
  recordCredentialCanaries(`app ${app.id}`, app.secret, business.token.value);
  await meta.seed({
    apps: [{ id: app.id, name: `App ${app.id}`, secret: app.secret }],
    wabas: wabas.map(({ id }) => ({ id, name: `Account ${id}`, businessId: app.id })),
    phoneNumbers: wabas.flatMap((waba) =>
      waba.numbers.map((id) => ({
        id,
        wabaId: waba.id,
        displayPhoneNumber: `+1 555 ${id.slice(-7)}`,
        verifiedName: `Shop ${id.slice(-4)}`,
        ...phoneNumber,
      })),
    ),
    tokens: [{ ...business.token, appId: app.id, assets: wabas.map(({ id }) => id), ...token }],
  });
  return business;
}

/** Another access token of the same app, for other accounts or in another condition. */
export async function newTokenOf({ app, wabas }: Business, token: Partial<Token> = {}): Promise<Business['token']> {
  const fresh = { name: `e2e-${randomBytes(6).toString('hex')}`, value: newAccessToken() };
  recordCredentialCanaries(`app ${app.id}`, app.secret, fresh.value);
  await meta.seed({ tokens: [{ ...fresh, appId: app.id, assets: wabas.map(({ id }) => id), ...token }] });
  return fresh;
}

/** The owner resets the App Secret in the Meta App Dashboard: Meta signs with the new one from now on. Answers the business with it. */
export async function withNewAppSecret(business: Business): Promise<Business> {
  const { app, token } = business;
  const secret = newAppSecret();
  recordCredentialCanaries(`app ${app.id}, rotated`, secret, token.value);
  await meta.appSecretChanges(app.id, secret);
  return { ...business, app: { id: app.id, secret } };
}

/** Somebody else's callback, with a verify token that only they know. */
export async function newForeignCallback(): Promise<{
  readonly name: string;
  readonly url: string;
  readonly verifyToken: string;
}> {
  const name = `e2e-${randomBytes(6).toString('hex')}`;
  const verifyToken = recordCanary('verify token of somebody else', randomBytes(24).toString('hex'));
  await meta.seed({ foreignCallbacks: [{ name, verifyToken }] });
  return { name, url: `{self}/_foreign/${name}`, verifyToken };
}

/** What the user types into the form. */
export function credentialRequest({ app, token, wabas }: Business, changes: Readonly<Record<string, unknown>> = {}) {
  return {
    label: 'Shop',
    appId: app.id,
    appSecret: app.secret,
    wabaId: wabas[0]?.id,
    accessToken: token.value,
    ...changes,
  };
}

export function newCustomer(name = 'Ada'): Pick<Customer, 'waId' | 'name'> {
  // A mobile number: one with a 0 behind the country code could be that of somebody else, and is treated so.
  return { waId: `4915${randomInt(1_000_000_000, 9_999_999_999)}`, name };
}

/** Of the form that Meta gives them: 32 hexadecimal characters. */
export const newAppSecret = (): string => `cafe${randomBytes(14).toString('hex')}`;
export const newAccessToken = (): string => `EAACANARY${randomBytes(48).toString('base64url').replace(/[-_]/g, 'Z')}`;

/** 15 digits, the first two telling what it is, as in the default seed. */
export const newId = (kind: 1 | 2 | 4): string => `8${kind}${randomInt(10 ** 12, 10 ** 13 - 1)}`;
