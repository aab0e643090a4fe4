// List prices of AWS in us-east-1, November 2026, in dollars for a million of the unit; first tier, without free tier and discounts.
const perMillion = {
  /** HTTP API, one request of up to 512 KB. */
  apiRequest: 1,
  lambdaRequest: 0.2,
  /** arm64. */
  lambdaGigabyteSecond: 13.3334,
  /** One request to a FIFO queue of up to 64 KB. */
  sqsRequest: 0.5,
  /** On demand: a strongly consistent read of up to 4 KB. */
  readUnit: 0.125,
  /** On demand: a write of up to 1 KB. */
  writeUnit: 0.625,
  kmsRequest: 3,
  s3Put: 5,
  s3Get: 0.4,
  /** One access to the Vault in the trail. */
  dataEvent: 1,
} as const;

/** What is paid for besides the calls that are counted, for one message, assumed because an emulator can't tell. */
export const assumed = {
  memoryGigabytes: 0.25,
  receiverSeconds: 0.01,
  /** With an agent that answers in 50 ms; the conversations of a batch run side by side. */
  routerSeconds: 0.08,
  /** Lambda's own, for each batch: it receives and it deletes. */
  pollerRequests: 2,
} as const;

/** One call to AWS and what it is charged as. */
export interface AwsCall {
  readonly service: 'DynamoDB' | 'KMS' | 'SQS' | 'S3' | 'Lambda' | 'other';
  readonly operation: string;
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Whether the trail records it as an access to the Vault. */
  readonly isDataEvent: boolean;
}

/** What a million of these messages costs: each was a POST of its own, and this many invocations of the router took them all. */
export function dollarsPerMillion(calls: readonly AwsCall[], posts: number, batches: number): number {
  const gigabyteSeconds = assumed.memoryGigabytes * (posts * assumed.receiverSeconds + batches * assumed.routerSeconds);
  const around =
    posts * perMillion.apiRequest +
    (posts + batches) * perMillion.lambdaRequest +
    batches * assumed.pollerRequests * perMillion.sqsRequest +
    gigabyteSeconds * perMillion.lambdaGigabyteSecond;
  return (around + calls.reduce((total, call) => total + priceOf(call), 0)) / posts;
}

function priceOf({ service, operation, readUnits, writeUnits, isDataEvent }: AwsCall): number {
  const recorded = isDataEvent ? perMillion.dataEvent : 0;
  switch (service) {
    case 'DynamoDB':
      return readUnits * perMillion.readUnit + writeUnits * perMillion.writeUnit + recorded;
    case 'KMS':
      return perMillion.kmsRequest;
    case 'SQS':
      return perMillion.sqsRequest;
    case 'S3':
      return operation === 'GET' ? perMillion.s3Get : perMillion.s3Put;
    case 'Lambda':
      return perMillion.lambdaRequest;
    case 'other':
      throw new RangeError(`There is no price for ${operation}.`);
    default:
      return service satisfies never;
  }
}
