import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { registerNumberRequest } from '../../shared/contracts/credential.ts';
import { credentialId, type PhoneNumberId, phoneNumberId } from '../../shared/contracts/ids.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { type Graph, type GraphFailure, isPassing } from '../../shared/domain/graph.ts';
import { withGraphAccess } from '../../shared/domain/graph-access.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';
import { phoneNumbersView } from '../../shared/domain/representations.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';
import { beingRemoved } from './update-credential.ts';

export interface RegisterPhoneNumberPorts {
  readonly credentials: CredentialReader;
  readonly recorder: {
    recordNumbers(credential: CredentialRecord, numbers: CredentialRecord['phoneNumbers']): Promise<void>;
  };
  readonly opener: SecretOpener;
  readonly graph: Graph;
}

/** Registers a number for the Cloud API with its PIN, which goes to Meta and nowhere else, and reads the numbers anew. */
export const registerPhoneNumber = async (
  caller: Caller,
  path: { readonly credentialId: CredentialRecord['credentialId']; readonly phoneNumberId: PhoneNumberId },
  pin: string,
  ports: RegisterPhoneNumberPorts,
): Promise<Answer | Refused> => {
  const credential = await ports.credentials.find(caller.tenantId, path.credentialId);
  if (!credential?.phoneNumbers.some((number) => number.phoneNumberId === path.phoneNumberId))
    return refuse('not-found');
  if (credential.status === 'removing') return beingRemoved;
  using secretPin = SecretBytes.fromText(pin);
  // Why await: the PIN is wiped when this function returns.
  return await withGraphAccess(ports.opener, credential, async (access) => {
    const registered = await ports.graph.registerNumber(access, path.phoneNumberId, secretPin);
    if (!registered.ok) return registrationRefusal(registered.failure);
    const numbers = await ports.graph.listPhoneNumbers(access, credential.wabaId);
    const current = numbers.ok ? { ...credential, phoneNumbers: [...numbers.value] } : credential;
    if (numbers.ok) await ports.recorder.recordNumbers(credential, current.phoneNumbers);
    const view = phoneNumbersView(current).find((number) => number.phoneNumberId === path.phoneNumberId);
    return view === undefined ? refuse('not-found') : { kind: 'ok', body: view };
  });
};

/** Codes of the registration ("Register a phone number", error codes of the Cloud API). */
const explanations: Readonly<Record<number, readonly [detail: string, guidance: string]>> = {
  133005: [
    'The PIN is not the two-step verification PIN of the number.',
    'Enter the PIN that was set for this number, or change it in WhatsApp Manager.',
  ],
  133006: ['The number must be verified again first.', 'Verify the number in WhatsApp Manager, then register it.'],
  133008: ['Too many wrong PINs were tried.', 'Wait as long as WhatsApp Manager says, then try again.'],
  133009: ['The PIN was entered too soon after the last try.', 'Wait a few minutes, then try again.'],
  133015: ['The number was deleted recently.', 'Wait five minutes, then try again.'],
  133016: ['The number was registered or deregistered too often.', 'Meta locks it for 72 hours. Try again after that.'],
};

const registrationRefusal = (failure: GraphFailure): Refused => {
  if (failure.kind !== 'refused' || isPassing(failure.refusal))
    return refuse('meta-unreachable', {
      detail: 'Meta did not say whether the number is registered.',
      guidance: 'Look at the number in a minute, and register it again if it is not connected.',
      retryAfterSeconds: 60,
    });
  const [detail, guidance] = explanations[failure.code] ?? [
    `Meta refused the registration with error ${failure.code}.`,
    'Check the number in WhatsApp Manager.',
  ];
  return refuse('registration-refused', {
    detail,
    guidance,
    errors: [{ pointer: failure.code === 133005 ? '/pin' : '', message: detail, guidance }],
    meta: {
      code: failure.code,
      ...(failure.subcode === undefined ? {} : { subcode: failure.subcode }),
      ...(failure.fbtraceId === undefined ? {} : { fbtraceId: failure.fbtraceId }),
    },
  });
};

export const registerPhoneNumberRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/phone-numbers/{phoneNumberId}/register',
  path: z.object({ credentialId, phoneNumberId }),
  body: registerNumberRequest,
  idempotent: true,
  run: ({ caller, path, body }) =>
    registerPhoneNumber(caller, path, body.pin, {
      credentials: ports.credentials(),
      recorder: ports.webhookState(),
      opener: ports.opener(),
      graph: ports.graph(),
    }),
});
