import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { CredentialVault } from './credential-vault.ts';
import { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';

export interface VaultRewrapProps extends HouseProps {
  readonly vault: CredentialVault;
}

/** Moves the Vault to a new KMS key when an operator asks (`npm run rewrap`). Nothing else invokes it. */
export class VaultRewrap extends Construct {
  readonly rewrapVault: HandlerFunction;

  constructor(scope: Construct, id: string, { settings, dataKey, vault }: VaultRewrapProps) {
    super(scope, id);
    this.rewrapVault = new HandlerFunction(this, 'RewrapVault', {
      settings,
      dataKey,
      description: 'Moves the wrapped keys of the Vault to the current KMS key; cannot open a secret',
      // It goes on where it has stopped: this is how often the operator sees progress, and how long a connection waits.
      timeout: Duration.minutes(1),
    });
    vault.grantRewrap(this.rewrapVault);
  }
}
