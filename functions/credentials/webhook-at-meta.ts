import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import type { CredentialId } from '../../shared/contracts/ids.ts';
import { identitiesOfApp } from '../../shared/domain/credential-secrets.ts';
import { type Graph, isPassing } from '../../shared/domain/graph.ts';
import { withWatchedAccess } from '../../shared/domain/graph-access.ts';
import type { MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { CredentialRecord, MetaAppRecord } from '../../shared/domain/records.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import { observeWebhook, type WebhookAtMeta } from '../../shared/domain/webhook-at-meta.ts';
import type { Caller } from '../edge/caller.ts';
import { beingRemoved } from './update-credential.ts';

export interface Observation {
  readonly credential: CredentialRecord;
  readonly app: MetaAppRecord;
  readonly found: WebhookAtMeta;
}

export interface LookAtWebhookPorts {
  readonly credentials: CredentialReader;
  readonly opener: SecretOpener;
  readonly graph: Graph;
  readonly usage: Pick<MetaUsageStore, 'note'>;
  readonly now: () => Date;
}

/** What Meta has configured for a credential of the caller right now. */
export const lookAtWebhook = async (
  caller: Caller,
  id: CredentialId,
  ports: LookAtWebhookPorts,
): Promise<Observation | Refused> => {
  const credential = await ports.credentials.find(caller.tenantId, id);
  const app = credential && (await ports.credentials.findApp(credential.appId));
  if (credential === undefined || app === undefined) return refuse('not-found');
  if (credential.status === 'removing') return beingRemoved;
  const openedFor = { tenantId: credential.tenantId, subjectId: credential.credentialId };
  using appToken = await ports.opener.open(identitiesOfApp(app).access, openedFor);
  const found = await withWatchedAccess(ports.opener, credential, ports, (access) =>
    observeWebhook(credential, app, appToken, access, ports.graph),
  );
  if (found.ok) return { credential, app, found: found.value };
  const { failure } = found;
  if (failure.kind !== 'refused' || isPassing(failure.refusal))
    return refuse('meta-unreachable', {
      detail: 'Meta did not show the present configuration.',
      guidance: 'Try again in a minute. Meta announces outages at https://metastatus.com.',
      retryAfterSeconds: 60,
    });
  return refuse('credential-refused', {
    detail: `Meta refused to show the configuration with error ${failure.code}.`,
    guidance: 'Update the credential: its access token or App Secret is no longer accepted, or lacks a permission.',
    meta: { code: failure.code, ...(failure.subcode === undefined ? {} : { subcode: failure.subcode }) },
  });
};
