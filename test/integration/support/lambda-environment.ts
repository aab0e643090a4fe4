import { environmentName } from '../../../shared/contracts/environment.ts';
import { resourcesOf, templateOf } from '../../support/templates.ts';

const knownNames = new Set<string>(Object.values(environmentName));

const namesByHandler = new Map<string, readonly string[]>();

/** Which variables infra gives the Lambda, read off the template of the stack. */
export function environmentNamesOf(handler: string): readonly string[] {
  const known = namesByHandler.get(handler);
  if (known !== undefined) return known;
  const functions = Object.entries(resourcesOf(templateOf('dev'), 'AWS::Lambda::Function'));
  const found = functions.find(([id]) => new RegExp(`${handler}Function[0-9A-F]{8}$`).test(id));
  if (found === undefined) throw new Error(`The stack has no function ${handler}.`);
  const environment = found[1].Properties.Environment as { readonly Variables?: Record<string, unknown> } | undefined;
  const names = Object.keys(environment?.Variables ?? {}).filter((name) => knownNames.has(name));
  namesByHandler.set(handler, names);
  return names;
}
