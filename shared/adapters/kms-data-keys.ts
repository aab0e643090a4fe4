import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
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
}

/** Errors by which KMS says no for good: another key, another context, broken bytes. */
const refusals = [
  'InvalidCiphertextException',
  'IncorrectKeyException',
  'AccessDeniedException',
  'InvalidKeyUsageException',
];

export const kmsDataKeys = (client: KMSClient, keyArn: string): DataKeys => ({
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

  async unwrap(wrapped, context) {
    try {
      // Why KeyId: without it KMS would take whatever key the blob names.
      const { Plaintext, KeyId, $metadata } = await client.send(
        new DecryptCommand({ KeyId: keyArn, CiphertextBlob: wrapped, EncryptionContext: { ...context } }),
      );
      if (Plaintext === undefined) throw new TypeError('KMS answered without a key');
      const key = SecretBytes.takeOver(Plaintext);
      if (KeyId !== keyArn) {
        key[Symbol.dispose]();
        throw new Fault('secret-refused', { retryable: false });
      }
      return { key, requestId: $metadata.requestId };
    } catch (error) {
      if (error instanceof Fault) throw error;
      if (refusals.some((name) => hasName(error, name)))
        throw new Fault('secret-refused', { retryable: false, cause: error });
      throw new Fault('kms-unavailable', { retryable: true, cause: error });
    }
  },
});
