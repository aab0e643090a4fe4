import type { CredentialRecord } from '../domain/records.ts';

/** That the verdict on a credential is still what was read: who stops or releases numbers by what was read must not undo another's stop. */
export const verdictAsRead = ({
  verdict,
}: Pick<CredentialRecord, 'verdict'>): {
  readonly condition: string;
  readonly values: Readonly<Record<string, unknown>>;
} =>
  // Rows from before verdicts were kept have none, later ones have null.
  verdict === null
    ? { condition: 'attribute_not_exists(verdict.reason)', values: {} }
    : { condition: 'verdict = :knownVerdict', values: { ':knownVerdict': verdict } };
