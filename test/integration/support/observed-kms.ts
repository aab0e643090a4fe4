import type { KMSClient } from '@aws-sdk/client-kms';

/** What the adapter gets of KMS, by reference: who reads it later sees whether it was wiped. */
export interface KmsAnswer {
  KeyId?: string;
  SourceKeyId?: string;
  Plaintext?: Uint8Array;
}

/** Names of the calls that this client makes, in order, and every answer; `change` may falsify one before the adapter sees it. */
export function observe(client: KMSClient, change: (answer: KmsAnswer) => void = () => undefined) {
  const calls: string[] = [];
  const answers: KmsAnswer[] = [];
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        calls.push(commandName.replace(/Command$/, ''));
        const result = await next(args);
        const answer = result.output as KmsAnswer;
        change(answer);
        answers.push(answer);
        return result;
      },
    { step: 'initialize' },
  );
  return { calls, answers };
}
