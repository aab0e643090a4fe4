import type { AgentRuntime } from './agent-runtime.ts';
import type { Alerts } from './alerts.ts';
import type { AuditLog } from './audit-log.ts';
import type { CredentialVault } from './credential-vault.ts';
import type { Directory } from './directory.ts';
import type { EventStore } from './event-store.ts';
import type { GraphApi } from './graph-api.ts';
import type { HouseProps } from './house.ts';
import type { PublicApi } from './public-api.ts';

/** What the capabilities, the constructs with functions in them, share. Each takes from it only what it is granted. */
export interface CapabilityProps extends HouseProps {
  readonly api: PublicApi;
  readonly graphApi: GraphApi;
  readonly agentRuntime: AgentRuntime;
  readonly vault: CredentialVault;
  readonly directory: Directory;
  readonly auditLog: AuditLog;
  /** Claims on events, messages, activity. */
  readonly eventStore: EventStore;
  readonly alerts: Alerts;
}
