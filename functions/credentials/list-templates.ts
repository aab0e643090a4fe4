import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { CredentialReader } from '../../shared/adapters/credential-store.ts';
import { type CredentialId, credentialId } from '../../shared/contracts/ids.ts';
import { type MessageTemplate, type TemplateQuery, templateQuery } from '../../shared/contracts/template.ts';
import type { Graph } from '../../shared/domain/graph.ts';
import { withWatchedAccess } from '../../shared/domain/graph-access.ts';
import { refusalOfRepeatable } from '../../shared/domain/message-refusal.ts';
import { isStrained, type MetaUsageStore } from '../../shared/domain/meta-usage.ts';
import { type Refused, refuse } from '../../shared/domain/outcome.ts';
import type { SecretOpener } from '../../shared/domain/vault.ts';
import type { Answer } from '../edge/answer.ts';
import { apiRoute } from '../edge/api-lambda.ts';
import type { Caller } from '../edge/caller.ts';
import * as ports from '../edge/ports.ts';

export interface ListTemplatesPorts {
  readonly credentials: Pick<CredentialReader, 'find'>;
  readonly opener: SecretOpener;
  readonly graph: Pick<Graph, 'listTemplates'>;
  readonly usage: Pick<MetaUsageStore, 'note' | 'find'>;
  readonly now: () => Date;
  /** Of an edition of a credential. */
  readonly known: Pick<LRUCache<string, readonly MessageTemplate[]>, 'get' | 'set'>;
}

/** Somebody who picks a template asks again and again; Meta allows 200 such calls an hour where no number is registered. In milliseconds. */
const cacheTime = 60_000;

/** While little is left of what Meta allows. In milliseconds. */
const longCacheTime = 15 * 60_000;
const mostKnown = 50;

/** Lists the message templates of a credential's account, as Meta has them now or had them a minute ago; a quarter of an hour while its limits are tight. */
export const listTemplates = async (
  caller: Caller,
  id: CredentialId,
  { status, name }: TemplateQuery,
  ports: ListTemplatesPorts,
): Promise<Answer | Refused> => {
  const { credentials, opener, graph, known } = ports;
  const credential = await credentials.find(caller.tenantId, id);
  if (credential === undefined) return refuse('not-found');
  if (credential.status === 'removing') return refuse('removing');
  const edition = `${credential.credentialId}#${credential.secretVersion}`;
  let templates = known.get(edition);
  if (templates === undefined) {
    let isTight = false;
    const listed = await withWatchedAccess(opener, credential, ports, (access) => {
      const onUsage: typeof access.onUsage = (usage) => {
        isTight = isStrained(usage);
        access.onUsage?.(usage);
      };
      return graph.listTemplates({ ...access, onUsage }, credential.wabaId);
    });
    if (!listed.ok) return refusalOfRepeatable(listed.failure);
    templates = listed.value;
    known.set(edition, templates, { ttl: isTight ? longCacheTime : cacheTime });
  }
  const items = templates.filter(
    (template) =>
      (status === undefined || template.status === status) && (name === undefined || template.name.includes(name)),
  );
  return { kind: 'ok', body: { items, nextCursor: null } };
};

const knownTemplates = ports.once(
  () => new LRUCache<string, readonly MessageTemplate[]>({ max: mostKnown, ttl: cacheTime }),
);

export const listTemplatesRoute = apiRoute({
  routeKey: 'GET /v1/credentials/{credentialId}/templates',
  path: z.object({ credentialId }),
  query: templateQuery,
  run: ({ caller, path, query }) =>
    listTemplates(caller, path.credentialId, query, {
      credentials: ports.credentials(),
      opener: ports.opener(),
      graph: ports.graph(),
      usage: ports.metaUsage(),
      now: () => new Date(),
      known: knownTemplates(),
    }),
});
