import type { EnvironmentName } from '../../shared/contracts/environment.ts';
import { Fault } from '../../shared/domain/fault.ts';

/** A setting that infra must have given. Read at the first use, never at import. @throws {Fault} environment-missing */
export const setting = (name: EnvironmentName): string => {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Fault('environment-missing', { retryable: false, cause: name });
  return value;
};

/** The entries of a setting that may be absent: then there are none. */
export const listed = (name: EnvironmentName): readonly string[] =>
  (process.env[name] ?? '').split(',').filter(Boolean);

/** True only when the setting says exactly so: a weaker mode must be spelled out. */
export const isSet = (name: EnvironmentName): boolean => process.env[name] === 'true';
