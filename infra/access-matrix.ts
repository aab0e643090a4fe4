import type { Template } from 'aws-cdk-lib/assertions';
import { type HandlerName, handlerNames } from './handlers.ts';
import { nameOf, type Resource, resourcesOf } from './template.ts';

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** One thing that a function may do with one resource, as the template says. */
export interface Access {
  readonly function: HandlerName;
  readonly action: string;
  readonly resource: string;
  readonly condition: Record<string, Record<string, unknown>>;
}

/** Everything that the roles of the functions allow: function × action × resource, with the condition. */
export function accessOf(template: Template): Access[] {
  const roles = resourcesOf(template, 'AWS::IAM::Role');
  const policies = Object.values(resourcesOf(template, 'AWS::IAM::Policy'));
  return Object.entries(roles).flatMap(([roleId, role]) => {
    const documents = [
      ...((role.Properties.Policies as { PolicyDocument: unknown }[] | undefined) ?? []).map((it) => it.PolicyDocument),
      ...policies.filter((policy) => isFor(policy, roleId)).map((policy) => policy.Properties.PolicyDocument),
    ];
    return documents.flatMap((document) =>
      statementsOf(document).flatMap((statement) => accessesOf(functionOf(template, roleId), statement)),
    );
  });
}

/** The statements of a policy document of the template. */
export const statementsOf = (document: unknown): Statement[] => (document as { Statement: Statement[] }).Statement;

/** Which function may do what with a resource, in a form that reads like the table it is compared with. */
export function tableOf(accesses: readonly Access[]): Record<string, Record<string, string[]>> {
  const table: Record<string, Record<string, string[]>> = {};
  for (const { function: name, resource, action } of accesses) {
    table[name] ??= {};
    const row = table[name];
    row[resource] = [...new Set([...(row[resource] ?? []), action])].sort();
  }
  return table;
}

function accessesOf(name: HandlerName, statement: Statement): Access[] {
  if (statement.Effect !== 'Allow') return [];
  return [statement.Action].flat().flatMap((action) =>
    [statement.Resource].flat().map((resource) => ({
      function: name,
      action,
      resource: nameOf(resource),
      condition: statement.Condition ?? {},
    })),
  );
}

function isFor(policy: Resource, roleId: string): boolean {
  return (policy.Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref === roleId);
}

/** The function that runs with a role. Every role of the stack is a function's: another one is an error here. */
function functionOf(template: Template, roleId: string): HandlerName {
  const users = Object.entries(resourcesOf(template, 'AWS::Lambda::Function'))
    .filter(([, it]) => (it.Properties.Role as { 'Fn::GetAtt': [string] })['Fn::GetAtt'][0] === roleId)
    .map(([id]) => handlerNames.find((name) => id.includes(`${name}Function`)));
  const [user] = users;
  if (users.length !== 1 || user === undefined) throw new Error(`${roleId} is not the role of exactly one function.`);
  return user;
}
