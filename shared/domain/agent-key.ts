import { ulid } from 'ulid';
import { type AgentId, type AgentKeyId, agentKeyId, type TenantId } from '../contracts/ids.ts';
import { digestOf, unguessable } from '../crypto/identifiers.ts';
import type { AgentKeyRecord } from './records.ts';

/** One in use and one that takes its place. */
export const mostAgentKeys = 2;

/** Tells a key from an access token, and a scanner for secrets what it has found. */
const prefix = 'sbk_';
const form = /^sbk_[A-Za-z0-9_-]{43}$/;

/** Whose key it is. */
export interface AgentKeyOwner {
  readonly tenantId: TenantId;
  readonly agentId: AgentId;
  readonly keyId: AgentKeyId;
}

export const looksLikeAgentKey = (text: string): boolean => text.startsWith(prefix);

/** By which a key is found. Undefined for what can't be one. Why no salt, no work factor: 32 random bytes are not guessed. */
export const agentKeyDigest = (key: string): string | undefined =>
  form.test(key) ? digestOf('agent-key', key) : undefined;

/** A new key, as it is shown once and as it is kept. */
export const makeAgentKey = (now: Date): { readonly shown: string; readonly record: AgentKeyRecord } => {
  const shown = `${prefix}${unguessable()}`;
  return {
    shown,
    record: {
      keyId: agentKeyId.parse(`key_${ulid(now.getTime())}`),
      digest: digestOf('agent-key', shown),
      lastFour: shown.slice(-4),
      createdAt: now.toISOString(),
    },
  };
};
