import type { QueuedEvent } from '../contracts/queued-events.ts';
import type { Choice } from './choose-agent.ts';
import type { CircuitStore } from './circuit.ts';
import type { ClaimStore, HeldClaim } from './claim.ts';
import type { RoutingStore } from './conversation.ts';
import type { Dispatcher } from './dispatch.ts';
import type { Graph } from './graph.ts';
import type { HeldStore } from './hold-event.ts';
import type { MediaTransferStore } from './media-transfer.ts';
import type { ConversationEnvelope, QueueMessage } from './queue-packing.ts';
import type { ConversationRecord, CountedNumber, NumberRecord } from './records.ts';
import type { RelayStore } from './relay.ts';
import type { SendingPorts } from './sending-doubt.ts';
import type { SendingPace } from './sending-pace.ts';
import type { MessageStore } from './sent-message.ts';
import type { SecretOpener } from './vault.ts';
import type { WorkQueues } from './work.ts';

export interface RouteEventPorts extends SendingPorts {
  readonly routing: RoutingStore;
  readonly claims: ClaimStore;
  readonly held: HeldStore;
  readonly circuits: CircuitStore;
  readonly relay: RelayStore;
  /** What was sent through the API. */
  readonly messages: Pick<MessageStore, 'note'>;
  /** Media that agents have been told of. */
  readonly media: Pick<MediaTransferStore, 'open'>;
  /** The queue that the events come from. */
  readonly queue: { send(batch: readonly QueueMessage[]): Promise<ReadonlySet<string>> };
  /** Where work is asked for whose ticket is stored. */
  readonly releases: WorkQueues;
  readonly vault: SecretOpener;
  readonly dispatcher: Dispatcher;
  readonly graph: Graph;
  readonly pace: SendingPace;
  /** The first message or call of a number has come: it waits no longer. */
  readonly noteFirstMessage: (number: NumberRecord) => Promise<void>;
  /** Takes on what must be over before the invocation ends, but holds up no event. */
  readonly alongside: (work: Promise<void>) => void;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** The queue has shown the message so often that it will soon give it up: it is held, and leaves the queue. */
  readonly isOverdue: boolean;
  /** And soon for the last time: what can't be done now is over. */
  readonly isLastReceive: boolean;
  /** The agent, or Meta, says when it wants to be asked again, in seconds. */
  readonly askedToWait: (seconds: number) => void;
  /** How much work this invocation may still do, in milliseconds. */
  readonly timeLeft: () => number;
}

/** What is known of an event on its way to an agent. */
export interface EventOnItsWay {
  /** Names the conversation as the agent knows it, whatever form of the customer's identity the event came under. */
  readonly envelope: ConversationEnvelope;
  readonly event: QueuedEvent;
  readonly number: CountedNumber;
  readonly conversation: ConversationRecord | undefined;
  readonly choice: Choice;
  readonly claim: HeldClaim;
  /** How often it has been tried, this time included. */
  readonly rounds: number;
  /** It was held and is let go. `isProbe`: to find out whether its target is in order again. */
  readonly released: { readonly heldSince: string; readonly isProbe: boolean } | undefined;
  readonly ports: RouteEventPorts;
  readonly trace: { readonly tenantId: string; readonly credentialId: string; readonly eventId: string };
}
