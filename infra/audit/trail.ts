import * as z from 'zod';

/** One Decrypt that CloudTrail knows of, under the encryption context of a vault. */
export interface TrailOpen {
  readonly eventId: string;
  /** ISO-8601, UTC. */
  readonly at: string;
  readonly requestId: string;
  /** Who called: on AWS the role with the name of the function, or whoever else it was. */
  readonly who: string;
  /** What KMS said; `untold` where the trail does not tell. */
  readonly answer: 'allowed' | 'refused' | 'untold';
  readonly tenantId: string;
  readonly ownerId: string;
  readonly purpose: string;
  readonly secretVersion: number;
}

export interface TrailQuestion {
  readonly vault: string;
  /** Whose secrets: those of a credential, and of the Meta apps that it shares them with. */
  readonly owners: readonly { readonly tenantId: string; readonly ownerId: string }[];
  readonly since: Date;
  readonly until: Date;
}

export interface TrailAnswer {
  readonly opens: readonly TrailOpen[];
  /** Before this the trail knows nothing; undefined where it knows all. */
  readonly knowsSince?: Date | undefined;
}

/** Where CloudTrail's events can be asked for. */
export interface Trail {
  ask(question: TrailQuestion): Promise<TrailAnswer>;
}

const context = z.object({
  vault: z.string(),
  tenantId: z.string(),
  ownerId: z.string(),
  purpose: z.string(),
  secretVersion: z.coerce.number().int(),
});

/** CloudTrail writes the parameters of a request in lower case; the emulator leaves them as they were sent. */
const decryptParameters = z.object({ encryptionContext: context }).or(
  z.object({ EncryptionContext: context }).transform(({ EncryptionContext }) => ({
    encryptionContext: EncryptionContext,
  })),
);

/** What the event of a Decrypt names, whichever way it was asked for. */
export interface DecryptEvent {
  readonly eventId: string;
  readonly at: string;
  readonly requestId: string;
  readonly who: string;
  readonly answer: TrailOpen['answer'];
  readonly requestParameters: unknown;
}

/** The opening that an event tells of; undefined when it is none of this question: of another vault, owner or time, or not sealed by us. */
export function openOf(event: DecryptEvent, { vault, owners, since, until }: TrailQuestion): TrailOpen | undefined {
  const parameters = decryptParameters.safeParse(event.requestParameters);
  if (!parameters.success) return undefined;
  const { vault: namedVault, ...identity } = parameters.data.encryptionContext;
  const asked = owners.some((it) => it.tenantId === identity.tenantId && it.ownerId === identity.ownerId);
  const time = new Date(event.at);
  if (namedVault !== vault || !asked || time < since || time > until) return undefined;
  const { eventId, requestId, who, answer } = event;
  return { eventId, at: time.toISOString(), requestId, who, answer, ...identity };
}

/** CloudTrail may deliver an event twice. */
export const eachOnce = (opens: readonly TrailOpen[]): readonly TrailOpen[] => [
  ...new Map(opens.map((open) => [open.eventId, open])).values(),
];
