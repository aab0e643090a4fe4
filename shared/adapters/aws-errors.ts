import { Fault, type FaultCode } from '../domain/fault.ts';

/** Runs a call of the AWS SDK and translates whatever it throws: callers know no SDK error, and none of its text travels on. */
export const calling = async <T>(code: FaultCode, call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    throw error instanceof Fault ? error : new Fault(code, { retryable: true, cause: error });
  }
};

export const unavailable = (error: unknown): Fault => new Fault('store-unavailable', { retryable: true, cause: error });

export const hasName = (error: unknown, name: string): error is Error => error instanceof Error && error.name === name;
