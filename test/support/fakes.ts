import type { Beginning, IdempotencyStore } from '../../shared/adapters/idempotency-store.ts';
import type { Reply } from '../../shared/contracts/agent-event.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import type { SecretIdentity } from '../../shared/crypto/secret-context.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { Graph, GraphFailure, GraphResult, TokenFacts } from '../../shared/domain/graph.ts';
import type { Journal, JournalFields } from '../../shared/domain/journal.ts';
import type { CachedOpener, OpenedFor } from '../../shared/domain/vault.ts';
import type { Ticket, Tickets } from '../../shared/domain/work.ts';
import { ids } from './records.ts';

/** Remembers what was said and counted. */
export const recordingJournal = () => {
  const lines: { readonly level: string; readonly event: string; readonly fields: JournalFields }[] = [];
  const counts = new Map<string, number>();
  const at =
    (level: string) =>
    (event: string, fields: JournalFields = {}) => {
      lines.push({ level, event, fields });
    };
  const journal: Journal = {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    count: (metric, value = 1) => void counts.set(metric, (counts.get(metric) ?? 0) + value),
  };
  return { ...journal, lines, counts, events: () => lines.map(({ event }) => event) };
};

/** Opens what it was given, and remembers every opening. All of it is at hand. */
export const memoryVault = (secrets: Readonly<Record<string, () => SecretBytes>>) => {
  const opened: { readonly identity: SecretIdentity; readonly openedFor: OpenedFor }[] = [];
  const handedOut: SecretBytes[] = [];
  const opener: CachedOpener = {
    isAtHand: () => true,
    open(identity, openedFor) {
      opened.push({ identity, openedFor });
      const { tenantId, ownerId, purpose, secretVersion } = identity;
      const secret = secrets[`${tenantId}/${ownerId}/${purpose}/${secretVersion}`]?.();
      if (secret === undefined) return Promise.reject(new Fault('secret-missing', { retryable: false }));
      handedOut.push(secret);
      return Promise.resolve(secret);
    },
  };
  return { ...opener, opened, handedOut };
};

/** First answers as DynamoDB would keep them: idempotency-contract.ts holds both to the same promises. */
export const memoryIdempotency = (now: () => number) => {
  interface Row {
    readonly bodyDigest: string;
    readonly runningUntil: number;
    readonly expiresAt: number;
    readonly ended?: Beginning;
  }
  const rows = new Map<string, Row>();
  const store: IdempotencyStore = {
    begin(tenantId, digest, bodyDigest) {
      const at = Math.floor(now() / 1000);
      const row = rows.get(`${tenantId}/${digest}`);
      const isSame = row?.bodyDigest === bodyDigest;
      const isDead = row?.ended === undefined && isSame && row.runningUntil <= at;
      if (row !== undefined && row.expiresAt > at && !isDead)
        return Promise.resolve(isSame ? (row.ended ?? { outcome: 'running' }) : { outcome: 'another-request' });
      rows.set(`${tenantId}/${digest}`, { bodyDigest, runningUntil: at + 60, expiresAt: at + 24 * 60 * 60 });
      return Promise.resolve({ outcome: 'first' });
    },
    finish(tenantId, digest, answer) {
      const row = rows.get(`${tenantId}/${digest}`);
      if (row === undefined) return Promise.reject(new Fault('store-unavailable', { retryable: true }));
      const ended: Beginning = answer === undefined ? { outcome: 'shown' } : { outcome: 'answered', answer };
      rows.set(`${tenantId}/${digest}`, { ...row, ended });
      return Promise.resolve();
    },
    forget(tenantId, digest) {
      rows.delete(`${tenantId}/${digest}`);
      return Promise.resolve();
    },
  };
  return { store, rows: () => Promise.resolve([...rows].map(([key, row]) => ({ key, ...row }))) };
};

/** Tickets as the Directory would hold them. */
export const memoryTickets = (...tickets: readonly Ticket[]) => {
  const open = new Map(tickets.map((ticket) => [ticket.id, ticket]));
  const store: Tickets = {
    find: (id) => Promise.resolve(open.get(id)),
    replace(id, next) {
      if (!open.delete(id)) return Promise.resolve(false);
      open.set(next.id, next);
      return Promise.resolve(true);
    },
    close: (id) => Promise.resolve(void open.delete(id)),
  };
  return { ...store, open: () => [...open.values()] };
};

export const ok = <T>(value: T): Promise<GraphResult<T>> => Promise.resolve({ ok: true, value });
export const failing = (failure: GraphFailure): Promise<GraphResult<never>> => Promise.resolve({ ok: false, failure });
/** What Meta says of a token that may do all that is needed, and never ends. */
export const goodToken: TokenFacts = {
  valid: true,
  appId: ids.app,
  errorCode: null,
  errorSubcode: null,
  expiresAt: null,
  permissions: new Set(['whatsapp_business_management', 'whatsapp_business_messaging']),
};
export const refusedBy = (
  refusal: Extract<GraphFailure, { kind: 'refused' }>['refusal'],
  code = 100,
): Promise<GraphResult<never>> => failing({ kind: 'refused', refusal, code });

/** Nobody looks at what Meta says of its limits. */
export const silentUsage = { note: () => Promise.resolve() };

/** A Graph API of which a test scripts what it needs; every other call fails the test. */
export const scriptedGraph = (script: Partial<Graph>): Graph =>
  new Proxy(script as Graph, {
    get(target, name: keyof Graph) {
      return target[name] ?? (() => Promise.reject(new Error(`Unexpected call of the Graph API: ${name}`)));
    },
  });

export const textReply = (body: string): Reply => ({ type: 'text', text: { body } });
export const secretOf = (text: string) => (): SecretBytes => SecretBytes.fromText(text);
