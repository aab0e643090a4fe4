/** The fields that a log line may hold. An allow-list: ids, counts, codes, states. No bodies, no names of people, no secrets. */
export interface JournalFields {
  readonly tenantId?: string;
  readonly credentialId?: string;
  readonly agentId?: string;
  readonly subjectId?: string;
  readonly auditId?: string;
  readonly appId?: string;
  readonly wabaId?: string;
  readonly phoneNumberId?: string;
  readonly eventId?: string;
  readonly messageId?: string;
  readonly transferId?: string;
  /** A row of the Vault: tenant, owner, purpose and version. */
  readonly vaultRow?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly code?: string;
  readonly metaCode?: number;
  readonly metaSubcode?: number;
  readonly fbtraceId?: string;
  readonly httpStatus?: number;
  readonly routeKey?: string;
  readonly requestId?: string;
  readonly errorName?: string;
  readonly causeName?: string;
  readonly index?: number;
  readonly count?: number;
  readonly accepted?: number;
  readonly dropped?: number;
  readonly bytes?: number;
  /** The most memory that the process has ever held, in MB. */
  readonly peakMegabytes?: number;
}

/** Where use cases say what happened: an event name and safe fields. */
export interface Journal {
  info(event: string, fields?: JournalFields): void;
  warn(event: string, fields?: JournalFields): void;
  error(event: string, fields?: JournalFields): void;
  /** Counts something for the operator. No tenant and no number becomes a dimension. */
  count(metric: MetricName, value?: number): void;
}

export type MetricName =
  | 'WebhookAccepted'
  | 'WebhookRefused'
  | 'WebhookThrottled'
  /** Meta was answered with a 500. */
  | 'WebhookFailed'
  | 'EventsQueued'
  | 'EventsRelayed'
  | 'EventsForeign'
  | 'EventsMalformed'
  | 'EventsUnwanted'
  | 'EventsHeld'
  | 'EventsReplayed'
  | 'EventsDiscarded'
  | 'EventsExpired'
  | 'TargetsSuspended'
  | 'EventsDispatched'
  | 'EventsRefusedByAgent'
  | 'DispatchFailed'
  | 'RepliesSent'
  | 'RepliesRefused'
  | 'RepliesUnknown'
  | 'MessagesSent'
  | 'MessagesRefused'
  | 'MessagesUnknown'
  | 'MediaTransferred'
  | 'MediaRefused'
  | 'SendingPaused'
  | 'CredentialsDisabled'
  | 'CredentialsEnabled'
  | 'ChecksPlanned'
  | 'ChecksOverdue'
  | 'ChecksDone'
  | 'ChecksUnanswered'
  | 'AlertsPublished'
  | 'AlertsUnheard'
  | 'ChangesUnheard'
  | 'AuditTampered'
  /** The router threw at a message. */
  | 'EventFailed'
  /** The service of the keys gave no answer. */
  | 'KmsFailed'
  /** A secret could not be opened: it is not whose it should be, or we may not. */
  | 'SecretsRefused'
  /** For each answer of Meta: 1 where Meta failed, else 0, so that the average is the error rate. */
  | 'GraphFailed'
  | 'UnhandledError';
