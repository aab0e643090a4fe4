import { stack } from './stack.ts';

/** What AWS clients of the tests need; the emulator knows this key as root. */
export const awsClient = {
  endpoint: stack.awsEndpoint,
  region: stack.region,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
} as const;
