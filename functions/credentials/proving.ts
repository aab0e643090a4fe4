import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { CreateCredentialRequest } from '../../shared/contracts/credential.ts';
import type { ProblemDetails } from '../../shared/contracts/problem.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import {
  type CredentialSecrets,
  credentialSecrets,
  identitiesOfApp,
  openAppSecret,
} from '../../shared/domain/credential-secrets.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord } from '../../shared/domain/records.ts';
import { type ValidationOutcome, validateCredential } from '../../shared/domain/validate-credential.ts';
import { ownerOfApp, type SecretOpener } from '../../shared/domain/vault.ts';
import type { Caller } from '../edge/caller.ts';

/**
 * `overtaken`: a secret was replaced or shredded after its owner had been read, which may be read again. Where it may not, the
 * secret is missing for good. @throws {Fault} secret-missing then
 */
export const unlessOvertaken = async <T>(
  mayReadAgain: boolean,
  attempt: () => Promise<T>,
): Promise<T | 'overtaken'> => {
  try {
    return await attempt();
  } catch (error) {
    if (mayReadAgain && error instanceof Fault && error.code === 'secret-missing') return 'overtaken';
    throw error;
  }
};

/**
 * Has Meta judge what a user wants to connect, and goes on with its verdict and the secrets, which live as long as `use` runs.
 * Refuses where there is no App Secret to judge by.
 */
export const withValidation = async <T>(
  caller: Caller,
  request: Pick<CreateCredentialRequest, 'appId' | 'appSecret' | 'accessToken' | 'wabaId' | 'phoneNumberIds'>,
  app: MetaAppRecord | undefined,
  ports: { readonly opener: SecretOpener; readonly graph: Graph; readonly now: () => Date },
  use: (validation: ValidationOutcome, secrets: CredentialSecrets) => Promise<T>,
): Promise<T | Refused> => {
  const appSecret = await provedAppSecret(caller, request.appSecret, app, ports.opener);
  if (appSecret === undefined) return appSecretRequired;
  using secrets = credentialSecrets(request.appId, appSecret, SecretBytes.fromText(request.accessToken));
  const validation = await validateCredential(
    {
      appId: request.appId,
      appToken: secrets.appToken,
      access: secrets,
      wabaId: request.wabaId,
      phoneNumberIds: request.phoneNumberIds ?? [],
    },
    ports.graph,
    ports.now(),
  );
  return await use(validation, secrets);
};

/** The App Secret that was sent, or the one that this tenant has proved before; undefined when there is neither. */
const provedAppSecret = async (
  { tenantId }: Caller,
  offered: string | undefined,
  app: MetaAppRecord | undefined,
  opener: SecretOpener,
): Promise<SecretBytes | undefined> => {
  if (offered !== undefined) return SecretBytes.fromText(offered.toLowerCase());
  if (app === undefined || app.credentialCount === 0 || app.provedBy[tenantId] !== app.secretVersion) return undefined;
  return openAppSecret(app, { tenantId, subjectId: ownerOfApp(app.appId) }, opener);
};

/** Compares with the App Secret that the stack knows, without telling anybody which it is. */
export const isCurrentSecret = async (
  app: MetaAppRecord,
  openedFor: { readonly tenantId: string; readonly subjectId: string },
  appToken: SecretBytes,
  opener: SecretOpener,
): Promise<boolean> => {
  using known = await opener.open(identitiesOfApp(app).access, openedFor);
  return known.equals(appToken.bytes());
};

const appSecretRequired = refuse('invalid-request', {
  errors: [
    {
      pointer: '/appSecret',
      message: 'The App Secret is required: you have not proved the one in force for this app yet.',
      guidance: 'Copy it from App settings, Basic in the Meta App Dashboard.',
    },
  ],
  guidance: 'Enter the App Secret.',
});

/** What a caller is told when Meta did not confirm everything. Nothing was stored. */
export const validationRefusal = (validation: Exclude<ValidationOutcome, { outcome: 'valid' }>): Refused => {
  const meta: ProblemDetails = validation.meta === undefined ? {} : { meta: validation.meta };
  if (validation.outcome === 'unreachable')
    return refuse('meta-unreachable', {
      detail: 'Meta gave no verdict on the credentials. Nothing was stored.',
      guidance: 'Try again in a minute. Meta announces outages at https://metastatus.com.',
      retryAfterSeconds: 60,
      ...meta,
    });
  const failed = validation.checks.find(({ verdict }) => verdict === 'failed');
  return refuse('credential-refused', {
    detail: failed?.detail ?? 'A check failed.',
    guidance: failed?.guidance ?? 'Correct the named field.',
    errors: [{ pointer: failed?.pointer ?? '', message: failed?.detail ?? '', guidance: failed?.guidance ?? '' }],
    checks: [...validation.checks],
    ...meta,
  });
};

/** The tenant's own credential of the account, named; nobody else's ever is. */
export const wabaTaken = (holder: CredentialRecord | undefined): Refused =>
  refuse('waba-taken', {
    detail:
      holder === undefined
        ? 'You have connected this account already.'
        : holder.status === 'removing'
          ? `The account belongs to the credential "${holder.label}" (${holder.credentialId}), which is being removed.`
          : `You have connected this account already: "${holder.label}" (${holder.credentialId}).`,
    errors: [{ pointer: '/wabaId', message: 'You have connected this account already.' }],
    guidance:
      holder?.status === 'removing'
        ? 'Wait until it is gone, then connect the account again.'
        : 'Use or update the credential that you have for this account.',
    ...linkTo(holder),
  });

/** Names the holder only within the tenant. */
export const numberTaken = (index: number, holder: CredentialRecord | undefined): Refused =>
  refuse('number-taken', {
    errors: [
      {
        pointer: `/phoneNumberIds/${index}`,
        message:
          holder === undefined
            ? 'This number is in use elsewhere.'
            : `This number belongs to your credential "${holder.label}" (${holder.credentialId}).`,
      },
    ],
    guidance:
      holder === undefined
        ? 'Leave the number out, or ask the operator to release it.'
        : 'Leave the number out, or remove it from that credential first.',
    ...linkTo(holder),
  });

const linkTo = (holder: CredentialRecord | undefined): Pick<ProblemDetails, 'link'> =>
  holder === undefined
    ? {}
    : { link: { href: `/v1/credentials/${holder.credentialId}`, title: `The credential "${holder.label}"` } };

/** The holder of a number, where it is the caller. */
export const ownHolderOf = async (
  { tenantId }: Caller,
  number: NonNullable<CreateCredentialRequest['phoneNumberIds']>[number],
  credentials: CredentialReader,
): Promise<CredentialRecord | undefined> => {
  const claimed = await credentials.findNumber(number);
  return claimed?.tenantId === tenantId ? credentials.find(tenantId, claimed.credentialId) : undefined;
};
