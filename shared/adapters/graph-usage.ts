import * as z from 'zod';
import type { MetaUsage } from '../domain/meta-usage.ts';

const percent = z.number().nonnegative().catch(0);
const load = z.object({ call_count: percent, total_time: percent, total_cputime: percent });
const appLoad = load.catch({ call_count: 0, total_time: 0, total_cputime: 0 });
const accountLoads = z
  .record(z.string(), z.array(load.extend({ type: z.string().catch(''), estimated_time_to_regain_access: percent })))
  .catch({});

const managementType = 'whatsapp_business_management';

const mostOf = ({ call_count: calls, total_time: time, total_cputime: cpu }: z.infer<typeof load>): number =>
  Math.round(Math.max(calls, time, cpu));

/**
 * How much of an hour's allowance is used, as Meta says beside an answer. Undefined when it says nothing.
 * Source: "Rate limits", Graph API: X-App-Usage, X-Business-Use-Case-Usage; percentages, and minutes.
 */
export const usageOf = (headers: Headers): MetaUsage | undefined => {
  const [ofApp, ofAccounts] = ['x-app-usage', 'x-business-use-case-usage'].map((name) => headers.get(name));
  if (ofApp == null && ofAccounts == null) return undefined;
  const loads = Object.values(accountLoads.parse(jsonIn(ofAccounts)))
    .flat()
    .filter(({ type }) => type === managementType);
  return {
    appPercent: ofApp == null ? 0 : mostOf(appLoad.parse(jsonIn(ofApp))),
    managementPercent: Math.max(0, ...loads.map(mostOf)),
    regainMinutes: Math.max(0, ...loads.map(({ estimated_time_to_regain_access: minutes }) => minutes)),
  };
};

const jsonIn = (text: string | null | undefined): unknown => {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
};
