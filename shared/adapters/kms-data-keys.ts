import { DecryptCommand, GenerateDataKeyCommand, type KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms';
import type { DataKey } from '../crypto/envelope.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { Fault } from '../domain/fault.ts';
import { hasName } from './aws-errors.ts';

type EncryptionContext = Readonly<Record<string, string>>;

export interface DataKeys {
  /** A fresh AES-256 key, plain and wrapped, bound to the context. @throws {Fault} kms-unavailable */
  generate(context: EncryptionContext): Promise<DataKey>;
  /** @throws {Fault} secret-refused when key and context do not belong together, else kms-unavailable */
  unwrap(
    wrapped: Uint8Array,
    context: EncryptionContext,
  ): Promise<{ readonly key: SecretBytes; readonly requestId: string | undefined }>;
  /**
   * The same data key, wrapped by the current KMS key and bound to the same context. It never leaves KMS in the clear.
   * @throws {Fault} secret-refused when key and context do not belong together, else kms-unavailable
   */
  rewrap(wrapped: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
}

/**
 * Errors by which KMS says that the key we named is not the one. Why a denial, too: right after a deployment IAM may not know yet
 * that we may use the new key, while the former one has wrapped what we ask for.
 */
const wrongKey = ['IncorrectKeyException', 'AccessDeniedException'];

/** Errors by which KMS says no for good: another key, another context, broken bytes. */
const refusals = [...wrongKey, 'InvalidCiphertextException', 'InvalidKeyUsageException'];

const faultOf = (error: unknown): Fault => {
  if (error instanceof Fault) return error;
  return refusals.some((name) => hasName(error, name))
    ? new Fault('secret-refused', { retryable: false, cause: error })
    : new Fault('kms-unavailable', { retryable: true, cause: error });
};

/** Wraps under `keyArn`, and still unwraps what a former key has wrapped, until the re-wrap has moved it. */
export const kmsDataKeys = (client: KMSClient, keyArn: string, formerKeyArns: readonly string[] = []): DataKeys => {
  /** Asks under the current key and, while KMS says that it is not the one, under the former ones. */
  const underTheRightKey = async <T>(ask: (arn: string) => Promise<T>): Promise<T> => {
    const [arn, ...others] = [keyArn, ...formerKeyArns];
    const askFrom = async (current: string, [next, ...rest]: readonly string[]): Promise<T> => {
      try {
        return await ask(current);
      } catch (error) {
        if (next === undefined || !wrongKey.some((name) => hasName(error, name))) throw faultOf(error);
        return await askFrom(next, rest);
      }
    };
    return await askFrom(arn, others);
  };

  return {
    async generate(context) {
      try {
        const { Plaintext, CiphertextBlob } = await client.send(
          new GenerateDataKeyCommand({ KeyId: keyArn, KeySpec: 'AES_256', EncryptionContext: { ...context } }),
        );
        if (Plaintext === undefined || CiphertextBlob === undefined) throw new TypeError('KMS answered without a key');
        return { plaintext: SecretBytes.takeOver(Plaintext), wrapped: CiphertextBlob };
      } catch (error) {
        throw new Fault('kms-unavailable', { retryable: true, cause: error });
      }
    },

    unwrap: (wrapped, context) =>
      underTheRightKey(async (arn) => {
        // Why KeyId: without it KMS would take whatever key the blob names.
        const { Plaintext, KeyId, $metadata } = await client.send(
          new DecryptCommand({ KeyId: arn, CiphertextBlob: wrapped, EncryptionContext: { ...context } }),
        );
        if (Plaintext === undefined) throw new TypeError('KMS answered without a key');
        const key = SecretBytes.takeOver(Plaintext);
        if (KeyId !== arn) {
          key[Symbol.dispose]();
          throw new Fault('secret-refused', { retryable: false });
        }
        return { key, requestId: $metadata.requestId };
      }),

    rewrap: (wrapped, context) =>
      underTheRightKey(async (arn) => {
        const { CiphertextBlob, KeyId, SourceKeyId } = await client.send(
          new ReEncryptCommand({
            CiphertextBlob: wrapped,
            SourceKeyId: arn,
            SourceEncryptionContext: { ...context },
            DestinationKeyId: keyArn,
            DestinationEncryptionContext: { ...context },
          }),
        );
        if (CiphertextBlob === undefined) throw new TypeError('KMS answered without a key');
        const isOurs = SourceKeyId !== undefined && [keyArn, ...formerKeyArns].includes(SourceKeyId);
        if (!isOurs || KeyId !== keyArn) throw new Fault('secret-refused', { retryable: false });
        return CiphertextBlob;
      }),
  };
};
