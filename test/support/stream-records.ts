import { marshall } from '@aws-sdk/util-dynamodb';
import type { CredentialRecord } from '../../shared/domain/records.ts';

const keysOf = ({ tenantId, credentialId }: CredentialRecord) => ({
  pk: `TENANT#${tenantId}`,
  sk: `CRED#${credentialId}`,
});
const imageOf = (record: CredentialRecord) =>
  marshall({ ...keysOf(record), ...record }, { removeUndefinedValues: true });

/** What the Directory's stream says of a change of a credential. */
export const recordOf = (before: CredentialRecord | undefined, after: CredentialRecord, change: object = {}) => ({
  eventName: before === undefined ? 'INSERT' : 'MODIFY',
  dynamodb: {
    Keys: marshall(keysOf(after)),
    ApproximateCreationDateTime: 1_795_341_600,
    SequenceNumber: '100000000000000000001',
    ...(before === undefined ? {} : { OldImage: imageOf(before) }),
    NewImage: imageOf(after),
    ...change,
  },
});
