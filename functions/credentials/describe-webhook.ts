import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { CredentialWebhook, Reason } from '../../shared/contracts/credential.ts';
import { environmentName } from '../../shared/contracts/environment.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import type { MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { isRefused, type Refused } from '../../shared/domain/outcome.ts';
import type { CredentialRecord } from '../../shared/domain/records.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import { webhookLevelsOf } from '../../shared/domain/webhook-at-meta.ts';
import { driftOf } from '../../shared/domain/webhook-drift.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import { setting } from '../edge/environment.ts';
import * as ports from '../edge/ports.ts';
import { lookAtWebhook } from './webhook-at-meta.ts';

export interface DescribeWebhookPorts {
  readonly credentials: CredentialReader;
  readonly recorder: { recordDrift(credential: CredentialRecord, reason: Reason): Promise<void> };
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly publicUrl: string;
  readonly now: () => Date;
}

/** Compares what should be configured at Meta with what is, at all three levels. What somebody changed is noted as drift. */
export const describeWebhook = async (
  caller: Caller,
  id: CredentialId,
  ports: DescribeWebhookPorts,
): Promise<Answer | Refused> => {
  const observation = await lookAtWebhook(caller, id, ports);
  if (isRefused(observation)) return observation;
  const { credential, app, found } = observation;
  const levels = webhookLevelsOf(credential, app, found, ports.publicUrl);
  const checkedAt = ports.now();
  const drift = credential.webhookState === 'configured' ? driftOf(levels, checkedAt) : undefined;
  if (drift !== undefined) await ports.recorder.recordDrift(credential, drift);
  const body: CredentialWebhook = {
    url: credential.webhookUrl,
    state: drift === undefined ? credential.webhookState : 'drifted',
    reason: drift ?? credential.webhookReason,
    configuredAt: credential.webhookConfiguredAt,
    checkedAt: checkedAt.toISOString(),
    levels: [...levels],
  };
  return { kind: 'ok', body };
};

export const describeWebhookRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/webhook',
  path: z.object({ credentialId }),
  run: ({ caller, path }) =>
    describeWebhook(caller, path.credentialId, {
      credentials: ports.credentials(),
      recorder: ports.webhookState(),
      opener: ports.opener(),
      graph: ports.graph(),
      usage: ports.metaUsage(),
      publicUrl: setting(environmentName.publicUrl),
      now: () => new Date(),
    }),
});
