import type { PhoneNumber } from '../contracts/credential.ts';
import type { AppId, PhoneNumberId, WabaId } from '../contracts/ids.ts';
import type { Check, MetaError } from '../contracts/problem.ts';
import type { SecretBytes } from '../crypto/secret-bytes.ts';
import {
  type Graph,
  type GraphAccess,
  type GraphFailure,
  type GraphRefusal,
  isPassing,
  type TokenFacts,
} from './graph.ts';
import { explainMetaError } from './meta-errors.ts';

export interface CredentialToValidate {
  readonly appId: AppId;
  readonly appToken: SecretBytes;
  readonly access: GraphAccess;
  readonly wabaId: WabaId;
  readonly phoneNumberIds: readonly PhoneNumberId[];
}

export type ValidationOutcome =
  | {
      readonly outcome: 'valid';
      readonly checks: readonly Check[];
      readonly tokenExpiresAt: Date | null;
      readonly phoneNumbers: readonly PhoneNumber[];
    }
  | {
      readonly outcome: 'invalid';
      readonly checks: readonly Check[];
      readonly meta?: MetaError;
      /** Meta has said it of the credential itself, in words that leave no doubt. Nothing else may disable one that is in use. */
      readonly isProof: boolean;
    }
  /** Meta gave no verdict: nothing is known about the credential. `isOutage`: because of Meta itself, and not of a limit. */
  | { readonly outcome: 'unreachable'; readonly isOutage?: true; readonly meta?: MetaError };

const neededPermissions = ['whatsapp_business_management', 'whatsapp_business_messaging'] as const;

/** Asks Meta about everything that a credential consists of; stores nothing. A later check is skipped when an earlier one failed. */
export const validateCredential = async (
  credential: CredentialToValidate,
  graph: Graph,
  now: Date,
): Promise<ValidationOutcome> => {
  const passed: Check[] = [];

  const inspected = await graph.inspectToken(credential.appToken, credential.access.accessToken);
  if (!inspected.ok) return failedAt(passed, inspected.failure, appCheck);
  passed.push({ check: 'app', verdict: 'passed', detail: 'Meta knows the app and accepts its App Secret.' });

  const tokenProblem = accessTokenProblem(inspected.value, credential.appId, now);
  if (tokenProblem)
    return invalid(passed, tokenProblem, isProofAgainst(inspected.value, credential.appId), metaOf(inspected.value));
  passed.push(livingToken(inspected.value));

  const missing = neededPermissions.filter((name) => !inspected.value.permissions.has(name));
  if (missing.length > 0) return invalid(passed, permissionProblem(missing), true);
  passed.push({ check: 'permissions', verdict: 'passed', detail: 'The access token has the permissions it needs.' });

  const account = await graph.readBusinessAccount(credential.access, credential.wabaId);
  if (!account.ok) return failedAt(passed, account.failure, businessAccountCheck);
  const numbers = await graph.listPhoneNumbers(credential.access, credential.wabaId);
  if (!numbers.ok) return failedAt(passed, numbers.failure, businessAccountCheck);
  passed.push({
    check: 'business-account',
    verdict: 'passed',
    detail: 'The access token can read the WhatsApp Business Account.',
  });

  const known = new Set(numbers.value.map(({ phoneNumberId }) => phoneNumberId));
  const foreign = credential.phoneNumberIds.findIndex((id) => !known.has(id));
  if (foreign >= 0) return invalid(passed, numberProblem(foreign), true);
  passed.push(
    numbers.value.length > 0
      ? { check: 'phone-numbers', verdict: 'passed', detail: 'The phone numbers belong to the account.' }
      : {
          check: 'phone-numbers',
          verdict: 'warning',
          pointer: '/wabaId',
          code: 'no-phone-numbers',
          detail: 'The account has no phone number yet.',
          guidance: 'Add a phone number to the account in WhatsApp Manager before you enable an agent.',
        },
  );
  return {
    outcome: 'valid',
    checks: passed,
    tokenExpiresAt: inspected.value.expiresAt,
    phoneNumbers: numbers.value,
  };
};

type FailedCheck = Check & { readonly verdict: 'failed'; readonly pointer: string; readonly guidance: string };

/** A check that would say nothing, because what it depends on has failed. */
export const skippedCheck = (check: Check['check']): Check => ({
  check,
  verdict: 'skipped',
  detail: 'Not tried because an earlier check failed.',
});

const order: readonly Check['check'][] = ['app', 'access-token', 'permissions', 'business-account', 'phone-numbers'];

const invalid = (
  passed: readonly Check[],
  failed: FailedCheck,
  isProof: boolean,
  meta?: MetaError,
): ValidationOutcome => ({
  outcome: 'invalid',
  isProof,
  checks: [...passed, failed, ...order.slice(order.indexOf(failed.check) + 1).map(skippedCheck)],
  ...(meta === undefined ? {} : { meta }),
});

const metaOf = (token: TokenFacts): MetaError | undefined =>
  token.errorCode === null
    ? undefined
    : { code: token.errorCode, ...(token.errorSubcode === null ? {} : { subcode: token.errorSubcode }) };

const failedAt = (
  passed: readonly Check[],
  failure: GraphFailure,
  explain: (failure: GraphFailure & { kind: 'refused' }) => FailedCheck,
): ValidationOutcome => {
  if (failure.kind !== 'refused') return { outcome: 'unreachable', isOutage: true };
  const meta: MetaError = {
    code: failure.code,
    ...(failure.subcode === undefined ? {} : { subcode: failure.subcode }),
    ...(failure.fbtraceId === undefined ? {} : { fbtraceId: failure.fbtraceId }),
  };
  if (isPassing(failure.refusal))
    return { outcome: 'unreachable', meta, ...(failure.refusal === 'temporary' ? { isOutage: true } : {}) };
  return invalid(passed, explain(failure), proofs.has(failure.refusal), meta);
};

/**
 * Refusals that are about the credential and nothing else. Why no refused proof: the App Secret that it is made with has just been accepted, so it is
 * being made anew; and what Meta calls by no name that we know is no proof of anything.
 */
const proofs: ReadonlySet<GraphRefusal> = new Set<GraphRefusal>([
  'token-invalid',
  'permission-missing',
  'object-invisible',
  'app-unknown',
  'app-secret-wrong',
]);

const appCheck = (failure: GraphFailure & { kind: 'refused' }): FailedCheck =>
  failure.refusal === 'app-unknown'
    ? {
        check: 'app',
        verdict: 'failed',
        pointer: '/appId',
        code: 'app-unknown',
        detail: 'Meta knows no app with this App ID.',
        guidance: 'Copy the App ID from your app in the Meta App Dashboard (App settings, Basic).',
      }
    : appSecretWrong;

/** What is wrong with all credentials of an app at once, and right again with the next App Secret that is proved. */
export const appSecretWrongCode = 'app-secret-wrong';

const appSecretWrong: FailedCheck = {
  check: 'app',
  verdict: 'failed',
  pointer: '/appSecret',
  code: appSecretWrongCode,
  detail: 'The App Secret is not the one of this app.',
  guidance: 'Copy the App Secret from App settings, Basic in the Meta App Dashboard of exactly this App ID.',
};

/** A token that ends is no reason to refuse it, and one to say so while there is time. */
const livingToken = ({ expiresAt }: TokenFacts): Check =>
  expiresAt === null
    ? { check: 'access-token', verdict: 'passed', detail: 'The access token is valid and belongs to the app.' }
    : {
        check: 'access-token',
        verdict: 'warning',
        pointer: '/accessToken',
        code: 'token-expires',
        detail: `The access token is valid and belongs to the app, and expires at ${expiresAt.toISOString()}.`,
        guidance: 'A system-user token without expiry (Business settings, System users) lasts.',
      };

/** Subcodes of 190 (reference: Graph API, "Handling errors"). */
const expiredSubcode = 463;
const foreignTokenCode = 100;

/** Meta says so itself: by our clock alone nothing has expired, and a token that could not be inspected is not invalid. */
const isProofAgainst = (token: TokenFacts, appId: AppId): boolean => {
  const isPassing = token.errorCode !== null && explainMetaError(token.errorCode).retry !== 'never';
  return (!token.valid || (token.appId !== null && token.appId !== appId)) && !isPassing;
};

const accessTokenProblem = (token: TokenFacts, appId: AppId, now: Date): FailedCheck | undefined => {
  const problem = (code: string, detail: string, guidance: string): FailedCheck => ({
    check: 'access-token',
    verdict: 'failed',
    pointer: '/accessToken',
    code,
    detail,
    guidance,
  });
  if (token.errorCode === foreignTokenCode || (token.appId !== null && token.appId !== appId))
    return problem(
      'token-of-another-app',
      'The access token was made for another app.',
      'Generate the token for the app whose App ID you entered, or enter the App ID the token belongs to.',
    );
  const expired = token.expiresAt !== null && token.expiresAt <= now;
  if (token.errorSubcode === expiredSubcode || expired)
    return problem(
      'token-expired',
      'The access token has expired.',
      'Generate a new token. A system-user token without expiry (Business settings, System users) lasts.',
    );
  if (token.errorSubcode !== null)
    return problem(
      'token-revoked',
      'The access token was revoked or its session has ended.',
      'Generate a new token. A system-user token survives password changes, a personal one does not.',
    );
  if (!token.valid)
    return problem(
      'token-invalid',
      'Meta does not accept the access token.',
      'Copy the whole token again, or generate a new system-user token in Business settings.',
    );
  return undefined;
};

const permissionProblem = (missing: readonly string[]): FailedCheck => ({
  check: 'permissions',
  verdict: 'failed',
  pointer: '/accessToken',
  code: 'permission-missing',
  detail: `The access token lacks ${missing.join(' and ')}.`,
  guidance: `Generate a new token and tick ${missing.join(' and ')}.`,
});

const businessAccountCheck = (failure: GraphFailure & { kind: 'refused' }): FailedCheck => {
  if (failure.refusal === 'proof-invalid') return appSecretWrong;
  if (failure.refusal === 'token-invalid')
    return {
      check: 'access-token',
      verdict: 'failed',
      pointer: '/accessToken',
      code: 'token-invalid',
      detail: 'Meta does not accept the access token.',
      guidance: 'Generate a new system-user token in Business settings.',
    };
  return {
    check: 'business-account',
    verdict: 'failed',
    pointer: '/wabaId',
    code: 'business-account-invisible',
    detail: 'The access token cannot read this WhatsApp Business Account.',
    guidance:
      'Check the ID (WhatsApp Manager, Account settings; it is not a phone number ID), and assign the account to the system user with full control.',
  };
};

const numberProblem = (index: number): FailedCheck => ({
  check: 'phone-numbers',
  verdict: 'failed',
  pointer: `/phoneNumberIds/${index}`,
  code: 'number-not-in-account',
  detail: 'This phone number does not belong to the WhatsApp Business Account.',
  guidance: 'Enter a phone number ID from API setup or WhatsApp Manager of this account. It is not the phone number.',
});
