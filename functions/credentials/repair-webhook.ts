import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type RepairWebhookRequest, repairWebhookRequest } from '../../shared/contracts/credential.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { identitiesOfCredential } from '../../shared/domain/credential-secrets.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { Journal } from '../../shared/domain/journal.ts';
import type { MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { isRefused, type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';
import { credentialView } from '../../shared/domain/representations.ts';
import type { SealedSecret, SecretOpener, SecretSealer } from '../../shared/domain/vault.ts';
import { webhookLevelsOf } from '../../shared/domain/webhook-at-meta.ts';
import { newTicket, type Ticket, type WorkQueues } from '../../shared/domain/work.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import { handOverWork } from '../edge/hand-over-work.ts';
import { journal } from '../edge/operator-journal.ts';
import * as ports from '../edge/ports.ts';
import { sleep, webhookSettled } from './patience.ts';
import { lookAtWebhook } from './webhook-at-meta.ts';

export interface RepairWebhookPorts {
  readonly credentials: CredentialReader;
  readonly repairs: {
    /** Consent, verify token and the ticket in one transaction; the state becomes `pending`. False when it is being removed. */
    requestRepair(
      credential: CredentialRecord,
      request: {
        readonly consent: boolean;
        readonly formerCallback: SealedSecret | undefined;
        readonly ticket: Ticket;
      },
    ): Promise<boolean>;
  };
  readonly sealer: SecretSealer;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly queues: WorkQueues;
  readonly journal: Journal;
  readonly publicUrl: string;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/**
 * Puts the webhook in order again and says what had changed. What was ours is taken back; what is somebody else's is replaced only
 * with consent. Repeating it does no harm.
 */
export const repairWebhook = async (
  caller: Caller,
  id: CredentialId,
  request: RepairWebhookRequest,
  timeLeft: () => number,
  ports: RepairWebhookPorts,
): Promise<Answer | Refused> => {
  const observation = await lookAtWebhook(caller, id, ports);
  if (isRefused(observation)) return observation;
  const { credential, app, found } = observation;
  const changed = webhookLevelsOf(credential, app, found, ports.publicUrl).filter(({ matches }) => !matches);
  const ticket = newTicket({ kind: 'set-up', tenantId: caller.tenantId, credentialId: id, reclaim: true }, ports.now());
  const formerCallback = await sealed(credential, request.previousVerifyToken, ports.sealer);
  const consent = request.onExistingCallback === 'replace';
  if (!(await ports.repairs.requestRepair(credential, { consent, formerCallback, ticket })))
    return refuse('conflict', { guidance: 'Repeat the request.', retryAfterSeconds: 1 });
  await handOverWork(ticket, ports);
  const current = await webhookSettled(credential, { ...ports, timeLeft });
  return { kind: 'ok', body: { changed, webhook: credentialView(current, app).webhook } };
};

/** The verify token of somebody else's callback: a new edition of it, should there be one already. */
const sealed = async (
  credential: CredentialRecord,
  verifyToken: string | undefined,
  sealer: SecretSealer,
): Promise<SealedSecret | undefined> => {
  if (verifyToken === undefined) return undefined;
  using token = SecretBytes.fromText(verifyToken);
  const secretVersion = (credential.formerCallbackVersion ?? 0) + 1;
  return await sealer.seal({ ...identitiesOfCredential(credential).formerCallback, secretVersion }, token);
};

export const repairWebhookRoute = apiRoute({
  routeKey: 'POST /v1/credentials/{credentialId}/webhook/repair',
  path: z.object({ credentialId }),
  body: repairWebhookRequest,
  bodyOptional: true,
  run: ({ caller, path, body, timeLeft }) =>
    repairWebhook(caller, path.credentialId, body, timeLeft, {
      credentials: ports.credentials(),
      repairs: ports.repairs(),
      sealer: ports.sealer(),
      opener: ports.opener(),
      graph: ports.graph(),
      usage: ports.metaUsage(),
      queues: ports.workQueues(),
      journal,
      publicUrl: setting(environmentName.publicUrl),
      now: () => new Date(),
      sleep,
    }),
});
