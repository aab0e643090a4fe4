import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor } from '../../shared/domain/audit.ts';
import type { Caller } from './caller.ts';

const actors = new AsyncLocalStorage<Actor>();

const functionName = (): string => process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'unknown';

/** Runs a request under the name of the user or of the agent's key: the audit says who it was, without every use case passing it on. */
export const actingFor = <T>(
  { subject, agentId }: Pick<Caller, 'subject' | 'agentId'>,
  requestId: string,
  run: () => Promise<T>,
): Promise<T> => actors.run({ kind: agentId === undefined ? 'user' : 'agent-key', id: subject, requestId }, run);

/** Runs work that nobody waits for, or that Meta asks for, under the name of the function. */
export const actingAlone = <T>(requestId: string, run: () => Promise<T>): Promise<T> =>
  actors.run({ kind: 'function', id: functionName(), requestId }, run);

/** Who acts now. Outside of any invocation: the function itself. */
export const currentActor = (): Actor =>
  actors.getStore() ?? { kind: 'function', id: functionName(), requestId: 'none' };
