import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, Grant, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { SecretPurpose } from '../../shared/contracts/secret-purpose.ts';
import type { Alerts, Limit } from './alerts.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { StateTable } from './state-table.ts';

/** Restore window of the Vault in days: what is deleted is gone from backups after as many. */
const restorableDays = 7;

/** The SDK has asked KMS three times before one is counted. A single one is a hiccup; quiet stacks open few secrets, so more must not be needed. */
const unavailable: Limit = { atLeast: 3, within: Duration.minutes(5) };

export interface CredentialVaultProps extends HouseProps {
  readonly alerts: Alerts;
}

/**
 * The sealed secrets and the one key that seals them. Above the first generation of keys the one before it still opens what it has
 * sealed, until the re-wrap has moved it.
 * `grantSeal` and `grantOpen`, each for named purposes of this vault, and `grantRewrap` are the only sources of permissions on these
 * keys; without this vault's name in the encryption context they refuse everybody, administrators included.
 */
export class CredentialVault extends Construct {
  readonly #envelopeKey: Key;
  readonly #formerKeys: readonly Key[];
  readonly #secrets: StateTable;
  readonly #name: string;

  constructor(scope: Construct, id: string, props: CredentialVaultProps) {
    super(scope, id);
    this.#name = Stack.of(this).stackName;
    const generation = props.settings.envelopeKeyGeneration;
    this.#envelopeKey = this.#makeKey(props, generation);
    this.#formerKeys = generation === 1 ? [] : [this.#makeKey(props, generation - 1)];
    this.#secrets = new StateTable(this, 'Secrets', {
      ...props,
      variable: environmentName.vaultTable,
      restorableDays,
      expires: false,
    });
    props.alerts.onMany('KmsFailed', unavailable, {
      severity: 'critical',
      meaning: 'KMS did not answer, so secrets could be neither sealed nor opened.',
    });
    props.alerts.onAny('SecretsRefused', {
      severity: 'critical',
      meaning: 'A secret could not be opened: its row was changed, or a right to the key is missing.',
    });
  }

  get table(): Table {
    return this.#secrets.table;
  }

  /** Lets the grantee seal and store secrets for these purposes; it cannot read back what it stored. */
  grantSeal(grantee: HandlerFunction, ...purposes: [SecretPurpose, ...SecretPurpose[]]): Grant {
    this.#secrets.grantWrite(grantee, 'PutItem');
    return this.#grantKey(grantee, 'kms:GenerateDataKey', [this.#envelopeKey], purposes);
  }

  /** Lets the grantee fetch and open secrets for these purposes, and no others. */
  grantOpen(grantee: HandlerFunction, ...purposes: [SecretPurpose, ...SecretPurpose[]]): Grant {
    this.#secrets.grantRead(grantee, 'GetItem');
    return this.#grantKey(grantee, 'kms:Decrypt', [this.#envelopeKey, ...this.#formerKeys], purposes);
  }

  /** Lets the grantee take secrets out of the vault for good; it can neither read nor open them by that. */
  grantShred(grantee: HandlerFunction): Grant {
    return this.#secrets.grantWrite(grantee, 'DeleteItem');
  }

  /**
   * Lets the grantee move every wrapped key to the current KMS key: it reads the whole table and replaces rows, but can neither open
   * a secret nor seal one.
   */
  grantRewrap(grantee: HandlerFunction): Grant {
    this.#secrets.grantScan(grantee);
    this.#secrets.grantWrite(grantee, 'UpdateItem');
    this.#tellKeys(grantee);
    const ofThisVault = { StringEquals: { 'kms:EncryptionContext:vault': this.#name } };
    const from = Grant.addToPrincipal({
      grantee,
      actions: ['kms:ReEncryptFrom'],
      resourceArns: [this.#envelopeKey, ...this.#formerKeys].map(({ keyArn }) => keyArn),
      conditions: ofThisVault,
    });
    const to = Grant.addToPrincipal({
      grantee,
      actions: ['kms:ReEncryptTo'],
      resourceArns: [this.#envelopeKey.keyArn],
      conditions: ofThisVault,
    });
    return from.combine(to);
  }

  /** The key of a generation; the first one has kept the id that it had before there were any. */
  #makeKey({ settings }: HouseProps, generation: number): Key {
    const key = new Key(this, generation === 1 ? 'EnvelopeKey' : `EnvelopeKey${generation}`, {
      description: 'Switchboard: seals the secrets of the vault, nothing else',
      enableKeyRotation: true,
      removalPolicy: settings.removalProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'NothingWithoutTheNameOfThisVault',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        resources: ['*'],
        conditions: { StringNotEquals: { 'kms:EncryptionContext:vault': this.#name } },
      }),
    );
    return key;
  }

  #grantKey(
    grantee: HandlerFunction,
    action: 'kms:GenerateDataKey' | 'kms:Decrypt',
    keys: readonly Key[],
    purposes: SecretPurpose[],
  ): Grant {
    this.#tellKeys(grantee);
    return Grant.addToPrincipal({
      grantee,
      actions: [action],
      resourceArns: keys.map(({ keyArn }) => keyArn),
      conditions: {
        StringEquals: { 'kms:EncryptionContext:purpose': purposes, 'kms:EncryptionContext:vault': this.#name },
      },
    });
  }

  #tellKeys(grantee: HandlerFunction): void {
    grantee.setVariable(environmentName.envelopeKeyArn, this.#envelopeKey.keyArn);
    grantee.setVariable(environmentName.vaultName, this.#name);
    if (this.#formerKeys.length > 0)
      grantee.setVariable(
        environmentName.formerEnvelopeKeyArns,
        this.#formerKeys.map(({ keyArn }) => keyArn).join(','),
      );
  }
}
