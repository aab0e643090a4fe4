import type { CredentialRecord } from '../domain/records.ts';

interface AsRead {
  readonly condition: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** That the verdict on a credential is still what was read: who stops or releases numbers by what was read must not undo another's stop. */
export const verdictAsRead = (credential: Pick<CredentialRecord, 'verdict'>): AsRead =>
  asReadIn(credential, ['verdict']);

/** That these attributes are still what was read. Rows from before one of them was kept do not have it, later ones have null. */
export const asReadIn = <Name extends 'verdict' | 'finding' | 'standing' | 'webhookState' | 'webhookConfiguredAt'>(
  credential: Pick<CredentialRecord, Name>,
  names: readonly Name[],
): AsRead => ({
  condition: names
    .map((name) =>
      credential[name] === null
        ? `(attribute_not_exists(${name}) OR ${name} = :known_${name})`
        : `${name} = :known_${name}`,
    )
    .join(' AND '),
  values: Object.fromEntries(names.map((name) => [`:known_${name}`, credential[name]])),
});
