import { pushBounded } from './state.ts';

/** One Graph call. It never holds a token, secret, proof or parameter. */
export interface GraphCallRecord {
  readonly at: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly version: string | null;
  readonly status: number | null;
  readonly errorCode: number | null;
  readonly errorSubcode: number | null;
  readonly fbtraceId: string | null;
  /** The token's name in the seed, "app:<id>" for an app token, "unknown" or "none". */
  readonly caller: string;
  readonly tokenIn: 'header' | 'url' | 'body' | 'none';
  readonly proof: 'valid' | 'invalid' | 'absent' | 'unverifiable';
  /** Whether any credential (access token, proof, client secret, inspected token) was in the URL. */
  readonly secretsInUrl: readonly string[];
  readonly ms: number;
  /** The fault that hit the call. */
  readonly fault: string | null;
}

export class CallLog {
  readonly #records: GraphCallRecord[] = [];

  add(record: GraphCallRecord): void {
    pushBounded(this.#records, record);
  }

  clear(): void {
    this.#records.length = 0;
  }

  list(): readonly GraphCallRecord[] {
    return this.#records;
  }
}
