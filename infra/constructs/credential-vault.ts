import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, Grant, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { SecretPurpose } from '../../shared/contracts/secret-purpose.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { StateTable } from './state-table.ts';

/** Restore window of the Vault in days: what is deleted is gone from backups after as many. */
const restorableDays = 7;

/**
 * The sealed secrets and the one key that seals them.
 * `grantSeal` and `grantOpen` are the only sources of permissions on that key, each for named purposes of this vault;
 * without this vault's name in the encryption context the key refuses everybody, administrators included.
 */
export class CredentialVault extends Construct {
  readonly #envelopeKey: Key;
  readonly #secrets: StateTable;
  readonly #name: string;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    this.#name = Stack.of(this).stackName;
    this.#envelopeKey = new Key(this, 'EnvelopeKey', {
      description: 'Switchboard: seals the secrets of the vault, nothing else',
      enableKeyRotation: true,
      removalPolicy: props.settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.#envelopeKey.addToResourcePolicy(
      new PolicyStatement({
        sid: 'NothingWithoutTheNameOfThisVault',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        resources: ['*'],
        conditions: { StringNotEquals: { 'kms:EncryptionContext:vault': this.#name } },
      }),
    );
    this.#secrets = new StateTable(this, 'Secrets', {
      ...props,
      variable: environmentName.vaultTable,
      restorableDays,
      expires: false,
    });
  }

  get table(): Table {
    return this.#secrets.table;
  }

  /** Lets the grantee seal and store secrets for these purposes; it cannot read back what it stored. */
  grantSeal(grantee: HandlerFunction, ...purposes: [SecretPurpose, ...SecretPurpose[]]): Grant {
    this.#secrets.grantWrite(grantee, 'PutItem');
    return this.#grantKey(grantee, 'kms:GenerateDataKey', purposes);
  }

  /** Lets the grantee fetch and open secrets for these purposes, and no others. */
  grantOpen(grantee: HandlerFunction, ...purposes: [SecretPurpose, ...SecretPurpose[]]): Grant {
    this.#secrets.grantRead(grantee, 'GetItem');
    return this.#grantKey(grantee, 'kms:Decrypt', purposes);
  }

  /** Lets the grantee take secrets out of the vault for good; it can neither read nor open them by that. */
  grantShred(grantee: HandlerFunction): Grant {
    return this.#secrets.grantWrite(grantee, 'DeleteItem');
  }

  #grantKey(grantee: HandlerFunction, action: 'kms:GenerateDataKey' | 'kms:Decrypt', purposes: SecretPurpose[]): Grant {
    grantee.setVariable(environmentName.envelopeKeyArn, this.#envelopeKey.keyArn);
    grantee.setVariable(environmentName.vaultName, this.#name);
    return Grant.addToPrincipal({
      grantee,
      actions: [action],
      resourceArns: [this.#envelopeKey.keyArn],
      conditions: {
        StringEquals: { 'kms:EncryptionContext:purpose': purposes, 'kms:EncryptionContext:vault': this.#name },
      },
    });
  }
}
