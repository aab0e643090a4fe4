import type { AgentId, ConversationId, EventId, PhoneNumberId } from '../../shared/contracts/ids.ts';
import { SecretBytes } from '../../shared/crypto/secret-bytes.ts';
import { packParts } from '../../shared/crypto/secret-parts.ts';
import type { CircuitStore } from '../../shared/domain/circuit.ts';
import type { ClaimedEvent, ClaimProgress, ClaimStep, ClaimStore, HeldClaim } from '../../shared/domain/claim.ts';
import { changed, newConversation, type RoutingStore } from '../../shared/domain/conversation.ts';
import type { RouteEventPorts } from '../../shared/domain/event-on-its-way.ts';
import { Fault } from '../../shared/domain/fault.ts';
import type { HeldConversation, HeldEvent, HeldStore } from '../../shared/domain/hold-event.ts';
import type { MediaTransfer } from '../../shared/domain/media-transfer.ts';
import type { QueueMessage } from '../../shared/domain/queue-packing.ts';
import type { ConversationRecord, CountedNumber, NumberRecord } from '../../shared/domain/records.ts';
import type { RelayStore } from '../../shared/domain/relay.ts';
import type { ReleaseNumbersPorts } from '../../shared/domain/release-numbers.ts';
import type { DoubtStore } from '../../shared/domain/sending-doubt.ts';
import type { Ticket } from '../../shared/domain/work.ts';
import { memoryVault, recordingJournal, secretOf } from './fakes.ts';

interface Claim extends ClaimProgress {
  leaseId: string | null;
}

/** Claims as DynamoDB would keep them, with every step on record. A lease lasts until it is given back. */
export const memoryClaims = (initial?: ClaimProgress | 'finished' | 'busy') => {
  const claims = new Map<EventId, Claim>();
  const steps: ClaimStep[] = [];
  let released = 0;
  let leases = 0;
  let onStep: (step: ClaimStep) => void = () => undefined;
  const heldBy = (eventId: EventId, leaseId: string): HeldClaim => {
    const own = (): Claim => {
      const claim = claims.get(eventId);
      if (claim?.leaseId !== leaseId) throw new Fault('claim-lost', { retryable: true });
      return claim;
    };
    return {
      leaseId,
      async record(step) {
        steps.push(step);
        onStep(step);
        claims.set(eventId, {
          ...own(),
          state: step.state,
          replies: step.replies && [...step.replies],
          fates: [...step.fates],
        });
      },
      async release(because) {
        released++;
        const claim = own();
        claims.set(eventId, { ...claim, failures: claim.failures + (because === 'failed' ? 1 : 0), leaseId: null });
        return Promise.resolve();
      },
    };
  };
  const claim: ClaimStore['claim'] = ({ eventId, isReleased }: ClaimedEvent) => {
    const found: Claim =
      claims.get(eventId) ??
      (initial === undefined || initial === 'finished' || initial === 'busy'
        ? {
            state: 'leased',
            replies: null,
            fates: [],
            failures: 0,
            claims: 0,
            leaseId: initial === 'busy' ? 'another' : null,
          }
        : { ...initial, leaseId: null });
    if (initial === 'finished' || found.state === 'done' || found.state === 'unknown')
      return Promise.resolve({ outcome: 'finished' });
    if (found.state === 'held' && !isReleased) return Promise.resolve({ outcome: 'held' });
    if (found.leaseId !== null) return Promise.resolve({ outcome: 'busy' });
    const leaseId = `lease-${leases++}`;
    const progress = { ...found, claims: found.claims + 1 };
    claims.set(eventId, { ...progress, leaseId });
    return Promise.resolve({ outcome: 'claimed', held: heldBy(eventId, leaseId), progress });
  };
  return {
    claim,
    claims,
    steps,
    states: () => steps.map(({ state }) => state),
    released: () => released,
    failOn: (state: ClaimStep['state']) => {
      onStep = (step) => {
        if (step.state === state) throw new Fault('claim-lost', { retryable: true });
      };
    },
  };
};

/** Numbers and conversations as the Directory would hold them. `meanwhile` runs once, after the next read: what somebody else does then. */
export const memoryDirectory = (
  numbers: readonly CountedNumber[],
  tickets: { open(ticket: Ticket): Promise<void> } = recordingQueues().tickets,
) => {
  const numbersById = new Map<PhoneNumberId, CountedNumber>(numbers.map((number) => [number.phoneNumberId, number]));
  const conversations = new Map<ConversationId, ConversationRecord>();
  const writes: ConversationRecord[] = [];
  let meanwhile: (() => void) | undefined;
  const isAsRead = (before: ConversationRecord | undefined, id: ConversationId): boolean =>
    conversations.get(id)?.revision === before?.revision;
  const routing: RoutingStore = {
    read(phoneNumberId, ids) {
      const state = {
        number: numbersById.get(phoneNumberId),
        conversations: new Map(
          ids.flatMap((id) => (conversations.has(id) ? [[id, conversations.get(id) as ConversationRecord]] : [])),
        ),
      };
      const act = meanwhile;
      meanwhile = undefined;
      act?.();
      return Promise.resolve(state);
    },
    save(before, after) {
      if (!isAsRead(before, after.conversationId)) return Promise.resolve(false);
      conversations.set(after.conversationId, after);
      writes.push(after);
      return Promise.resolve(true);
    },
    note({ phoneNumberId, tenantId, credentialId }, note) {
      const current = numbersById.get(phoneNumberId);
      if (current?.tenantId === tenantId && current.credentialId === credentialId)
        numbersById.set(phoneNumberId, {
          ...current,
          ...note,
          revision: current.revision + (note.unnumberedAt === undefined ? 0 : 1),
        });
      return Promise.resolve();
    },
  };
  const circuits: CircuitStore = {
    async change(number, agentId, after, opened) {
      const current = numbersById.get(number.phoneNumberId);
      if (current === undefined || current.circuits[agentId] !== number.circuits[agentId]) return false;
      const { [agentId]: _, ...others } = current.circuits;
      numbersById.set(number.phoneNumberId, {
        ...current,
        revision: current.revision + 1,
        circuits: after === undefined ? others : { ...others, [agentId]: after },
      });
      for (const ticket of opened) await tickets.open(ticket);
      return true;
    },
  };
  const doubts: DoubtStore = {
    async change(number, after, opened) {
      const current = numbersById.get(number.phoneNumberId);
      const isAsRead = current?.doubt === number.doubt && current.secretVersion === number.secretVersion;
      if (current === undefined || !isAsRead) return false;
      numbersById.set(number.phoneNumberId, { ...current, revision: current.revision + 1, doubt: after });
      for (const ticket of opened) await tickets.open(ticket);
      return true;
    },
  };
  return {
    routing,
    circuits,
    doubts,
    numbers: numbersById,
    conversations,
    writes,
    isAsRead,
    circuitOf: (id: PhoneNumberId, agentId: AgentId) => numbersById.get(id)?.circuits[agentId],
    afterNextRead: (act: () => void) => {
      meanwhile = act;
    },
  };
};

/** Lines of held events as the Events table would hold them. */
export const memoryHeld = (
  directory: ReturnType<typeof memoryDirectory>,
  { claims }: Pick<ReturnType<typeof memoryClaims>, 'claims'>,
) => {
  let rows: HeldEvent[] = [];
  const listed = new Map<ConversationId, HeldConversation>();
  const shortened = (before: ConversationRecord, event: HeldEvent, change: Partial<ConversationRecord>) => {
    if (!directory.isAsRead(before, before.conversationId) || !rows.includes(event)) return Promise.resolve(undefined);
    const after = changed(before, change, new Date());
    directory.conversations.set(after.conversationId, after);
    rows = rows.filter((row) => row !== event);
    if (after.heldCount + after.setAsideCount === 0) listed.delete(after.conversationId);
    return Promise.resolve(after);
  };
  const store: HeldStore = {
    hold({ conversation, envelope, leaseId, now, isSetAside, eventId, agentId, relayKey, change }) {
      const claim = claims.get(eventId);
      const before = conversation ?? newConversation(envelope, now);
      const id = envelope.conversationId;
      if (claim?.leaseId !== leaseId || !directory.isAsRead(conversation, id)) return Promise.resolve(false);
      const heldSince = now.toISOString();
      const place = String(before.heldEver).padStart(12, '0');
      rows.push({ conversationId: id, place, isSetAside, eventId, agentId, relayKey, heldSince });
      directory.conversations.set(
        id,
        changed(
          before,
          {
            ...change,
            heldEver: before.heldEver + 1,
            ...(isSetAside ? { setAsideCount: before.setAsideCount + 1 } : { heldCount: before.heldCount + 1 }),
          },
          now,
        ),
      );
      const { tenantId, credentialId, phoneNumberId } = envelope;
      const agentIds = [...new Set([...(listed.get(id)?.agentIds ?? []), agentId])];
      listed.set(id, { tenantId, credentialId, phoneNumberId, conversationId: id, agentId, agentIds, heldSince });
      claims.set(eventId, { ...claim, state: 'held', leaseId: null, failures: 0 });
      return Promise.resolve(true);
    },
    first(id, { setAside, notBefore = null, notAfter = null }) {
      const isWanted = ({ heldSince }: HeldEvent) =>
        (notBefore === null || new Date(heldSince) >= notBefore) &&
        (notAfter === null || new Date(heldSince) <= notAfter);
      const own = rows.filter(({ conversationId }) => conversationId === id);
      const inLine = own.filter(({ isSetAside }) => !isSetAside);
      const first = [...(setAside ? own.filter((row) => row.isSetAside && isWanted(row)) : []), ...inLine];
      return Promise.resolve(first[0]);
    },
    remove: (conversation, event) =>
      shortened(
        conversation,
        event,
        event.isSetAside
          ? { setAsideCount: conversation.setAsideCount - 1 }
          : { heldCount: conversation.heldCount - 1 },
      ),
    async setAside(conversation, event) {
      const after = await shortened(conversation, event, {
        heldCount: conversation.heldCount - 1,
        setAsideCount: conversation.setAsideCount + 1,
      });
      if (after !== undefined) rows.push({ ...event, isSetAside: true });
      return after;
    },
    reset(conversation) {
      if (!directory.isAsRead(conversation, conversation.conversationId)) return Promise.resolve(undefined);
      const after = changed(conversation, { heldCount: 0 }, new Date());
      directory.conversations.set(after.conversationId, after);
      return Promise.resolve(after);
    },
  };
  return {
    ...store,
    rows: () => rows,
    /** What expires: the rows go, the counts stay. */
    expire: () => {
      rows = [];
      listed.clear();
    },
    age: (milliseconds: number) => {
      rows = rows.map((row) => ({
        ...row,
        heldSince: new Date(Date.parse(row.heldSince) - milliseconds).toISOString(),
      }));
    },
    reader: {
      page(tenant, numbers, limit, cursor) {
        const own = [...listed.values()].filter((it) => it.tenantId === tenant && numbers.includes(it.phoneNumberId));
        const begin = Number(cursor ?? 0);
        const end = begin + limit;
        return Promise.resolve({ items: own.slice(begin, end), nextCursor: end < own.length ? String(end) : null });
      },
    } satisfies ReleaseNumbersPorts['held'],
  };
};

export const memoryRelay = () => {
  const bodies = new Map<string, string>();
  const store: RelayStore = {
    put: (key, body) => Promise.resolve(void bodies.set(key, body)),
    get: (key) => Promise.resolve(bodies.get(key)),
    delete: (keys) => Promise.resolve(keys.forEach((key) => void bodies.delete(key))),
    deleteBelow: (prefix, kept) =>
      store.delete([...bodies.keys()].filter((key) => key.startsWith(prefix) && key !== kept)),
  };
  return { ...store, bodies };
};

/** Work that was asked for, with the pause that it was given. */
export const recordingQueues = () => {
  const asked: { readonly work: Ticket['work']; readonly delay: number }[] = [];
  const opened = new Set<string>();
  return {
    asked,
    /** Opened by hand, or in the transaction that made the work necessary. */
    tickets: { open: ({ id }: Pick<Ticket, 'id'>) => Promise.resolve(void opened.add(id)) },
    /** Work whose ticket nobody has opened is not done. */
    send({ id, work }: Pick<Ticket, 'id' | 'work'>, delay = 0) {
      if (!opened.has(id)) return Promise.reject(new Error('This work has no ticket'));
      asked.push({ work, delay });
      return Promise.resolve();
    },
  };
};

/** Signing secret and access token of what `numberRecordOf` binds. */
export const openableVault = () =>
  memoryVault({
    'acme/support/agent-signature/1': secretOf('a signing secret of an agent..32'),
    'acme/cred_01J0000000000000000000000A/graph-api/1': () =>
      packParts(SecretBytes.fromText('the token'), SecretBytes.fromText('the proof')),
  });

/** What a router needs but an agent and Meta, and what happens there: the Directory, claims, lines, bodies, queues. */
export const memoryRouter = (
  number: NumberRecord | undefined,
  { claim, now }: { readonly claim?: Parameters<typeof memoryClaims>[0]; readonly now: () => Date },
) => {
  const releases = recordingQueues();
  const directory = memoryDirectory(number === undefined ? [] : [{ revision: 1, ...number }], releases.tickets);
  const claims = memoryClaims(claim);
  const held = memoryHeld(directory, claims);
  const relay = memoryRelay();
  const journal = recordingJournal();
  const queued: QueueMessage[] = [];
  const admitted: MediaTransfer[] = [];
  const queue = {
    send: (batch: readonly QueueMessage[]) => {
      queued.push(...batch);
      return Promise.resolve(new Set<string>());
    },
  };
  const { routing, circuits, doubts } = directory;
  const ports: Omit<RouteEventPorts, 'dispatcher' | 'graph'> = {
    ...{ routing, circuits, doubts, claims, held, relay, releases, queue, journal, now },
    checks: releases,
    messages: { note: () => Promise.resolve() },
    media: {
      open: (transfer) => {
        admitted.push(transfer);
        return Promise.resolve(transfer);
      },
    },
    vault: openableVault(),
    sleep: () => Promise.resolve(),
    pace: { turn: (_number, patience) => Promise.resolve(patience >= 0), heard: () => undefined },
    isOverdue: false,
    isLastReceive: false,
    askedToWait: () => undefined,
    noteFirstMessage: () => Promise.resolve(),
    alongside: () => undefined,
    timeLeft: () => 25_000,
  };
  return { ports, releases, directory, claims, held, relay, journal, queued, admitted };
};
