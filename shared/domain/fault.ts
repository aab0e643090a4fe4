export type FaultCode =
  | 'kms-unavailable'
  | 'store-unavailable'
  | 'queue-unavailable'
  | 'topic-unavailable'
  | 'secret-refused'
  | 'secret-missing'
  | 'row-malformed'
  | 'row-full'
  | 'environment-missing'
  | 'meta-unreachable'
  | 'issuer-unavailable'
  | 'claim-lost'
  | 'credential-removed'
  | 'rewrap-overtaken';

/**
 * A broken promise: thrown, never answered. One base for all of ours: a stable code, whether a repeat may help,
 * the cause for the debugger. Never the input.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly retryable: boolean;

  constructor(code: FaultCode, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(code, { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryable = options.retryable;
  }
}
