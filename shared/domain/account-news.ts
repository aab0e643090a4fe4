import type { ReportedEvent } from './webhook-delivery.ts';

/**
 * Fields of which every notice may change what we know of a credential: what its account may do and whether its numbers can send. Templates
 * are none: they say nothing about the account.
 */
const tellingFields: ReadonlySet<string> = new Set([
  'account_alerts',
  'account_review_update',
  'business_capability_update',
  'phone_number_name_update',
  'phone_number_quality_update',
  'security',
]);

/** Events of `account_update` that leave the account as able as it was. Why the others are not listed instead: one that we do not know may matter. */
const idleEvents: ReadonlySet<unknown> = new Set([
  'AD_ACCOUNT_LINKED',
  'AUTH_INTL_PRICE_ELIGIBILITY_UPDATE',
  'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE',
  'MM_LITE_TERMS_SIGNED',
  'PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE',
  'VOLUME_BASED_PRICING_TIER_UPDATE',
]);

/** True for what the account itself reports that is worth another look at the credential (bans, restrictions, quality, limits, names). */
export const changesOurPicture = ({ kind, field, value }: Pick<ReportedEvent, 'kind' | 'field' | 'value'>): boolean =>
  kind === 'account' && (field === 'account_update' ? !idleEvents.has(value.event) : tellingFields.has(field));
