import type { Alert, AlertKind, OperatorNotice } from '../contracts/alert.ts';

/** What is published: the same for who reads it, and for what reads it. */
export interface AlertMessage {
  /** Printable ASCII in one line of less than 100 characters. Source: Amazon SNS API reference, "Publish". */
  readonly subject: string;
  readonly text: string;
  readonly json: string;
}

const subjects = {
  'credential.invalid': 'WhatsApp credential no longer works',
  'credential.action-required': 'WhatsApp credential needs you',
  'credential.degraded': 'WhatsApp credential works with limits',
  'credential.recovered': 'WhatsApp credential is in order again',
  'credential.token-expiring': 'WhatsApp access token is about to end',
  'meta.outage': 'Meta does not answer',
  'meta.outage-over': 'Meta answers again',
} as const satisfies Record<AlertKind | OperatorNotice['kind'], string>;

/** The words of an alert. What tenants call things stands in the body alone: a subject can't hold every letter. */
export const messageOf = (alert: Alert | OperatorNotice): AlertMessage => ({
  subject: `[${alert.severity}] ${subjects[alert.kind]}${'credentialId' in alert ? ` (${alert.credentialId})` : ''}`,
  text: [
    `${alert.title}.`,
    '',
    ...('credentialId' in alert ? whoseOf(alert) : []),
    `Since: ${alert.at}`,
    '',
    oneLine(alert.detail),
    '',
    `What to do: ${alert.guidance}`,
    '',
    alert.link,
    '',
    `${alert.kind}, ${alert.id}`,
  ].join('\n'),
  json: JSON.stringify(alert),
});

const whoseOf = (alert: Alert): readonly string[] => [
  alert.label === null ? `Tenant: ${alert.tenantId}` : `Credential: ${oneLine(alert.label)}`,
  `Id: ${alert.credentialId}, WhatsApp Business Account ${alert.wabaId}`,
];

/** What others have written can't pretend to be a line of ours. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
