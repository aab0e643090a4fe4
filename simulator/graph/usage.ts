// Meta: an app may make 200 calls per user and hour; a WABA with a registered number 5,000 per app and hour.
const APP_CALLS_PER_HOUR = 20_000;
const WABA_CALLS_PER_HOUR = 5_000;
const HOUR_MS = 60 * 60 * 1000;

/** Counts calls for the usage headers, in percent of an hour's allowance. Nothing is throttled: faults do that. */
export class Usage {
  readonly #counts = new Map<string, { since: number; calls: number }>();

  headers(appId: string, wabaId: string | undefined): Record<string, string> {
    const app = percent(this.#count(appId), APP_CALLS_PER_HOUR);
    const appUsage = JSON.stringify({ call_count: app, total_time: app, total_cputime: app });
    if (wabaId === undefined) return { 'X-App-Usage': appUsage };
    const waba = percent(this.#count(`${appId}/${wabaId}`), WABA_CALLS_PER_HOUR);
    const usage = {
      type: 'whatsapp_business_management',
      call_count: waba,
      total_cputime: waba,
      total_time: waba,
      estimated_time_to_regain_access: 0,
    };
    return { 'X-App-Usage': appUsage, 'X-Business-Use-Case-Usage': JSON.stringify({ [wabaId]: [usage] }) };
  }

  #count(key: string): number {
    const now = Date.now();
    const entry = this.#counts.get(key);
    if (entry === undefined || now - entry.since > HOUR_MS) {
      this.#counts.set(key, { since: now, calls: 1 });
      return 1;
    }
    entry.calls += 1;
    return entry.calls;
  }
}

function percent(calls: number, allowance: number): number {
  return Math.min(100, Math.ceil((calls * 100) / allowance));
}
