import type { Template } from 'aws-cdk-lib/assertions';
import { accessOf, type Statement, statementsOf } from './access-matrix.ts';
import { withTable } from './generated-table.ts';
import { nameOf, resourcesOf } from './template.ts';

/** What somebody may, or may not, do with a key, in the words of the table. */
interface KeyUse {
  readonly key: string;
  readonly who: string;
  readonly action: string;
  readonly effect: Statement['Effect'];
  readonly condition: Statement['Condition'];
}

/** The document with the matrix key × role × action between its two marks, as the template has it. */
export function withKeyMatrix(document: string, template: Template): string {
  const lines = Object.groupBy(keyUses(template), ({ key, who, effect, condition }) =>
    JSON.stringify([key, who, effect, condition]),
  );
  const rows = Object.values(lines)
    .map((uses = []) => rowOf(uses))
    .sort((a, b) => a.join().localeCompare(b.join(), 'en'));
  return withTable(document, 'keys', ['key', 'who', 'may', 'on condition that'], rows);
}

/** Of the roles of the functions, and of the policies of the keys themselves. */
function keyUses(template: Template): KeyUse[] {
  const keys = Object.entries(resourcesOf(template, 'AWS::KMS::Key')).map(([id, key]) => ({
    key: nameOf({ Ref: id }),
    policy: statementsOf(key.Properties.KeyPolicy),
  }));
  const ofRoles = accessOf(template)
    .filter(({ resource }) => keys.some(({ key }) => key === resource))
    .map(
      ({ resource, function: name, ...use }): KeyUse => ({
        ...use,
        key: resource,
        who: `\`${name}\``,
        effect: 'Allow',
      }),
    );
  const ofPolicies = keys.flatMap(({ key, policy }) =>
    policy.flatMap(({ Action, Principal, Effect: effect, Condition: condition }) =>
      [Action].flat().map((action): KeyUse => ({ key, who: principalOf(Principal), action, effect, condition })),
    ),
  );
  return [...ofRoles, ...ofPolicies];
}

function rowOf(uses: readonly KeyUse[]): string[] {
  const [use] = uses;
  if (use === undefined) throw new Error('A line of the matrix has a use');
  const actions = uses.map(({ action }) => `\`${action.replace(/^kms:/, '')}\``).sort();
  return [
    `\`${keyNames[use.key] ?? use.key}\``,
    use.who,
    `${use.effect === 'Deny' ? 'never ' : ''}${actions.join(', ')}`,
    conditionsOf(use.condition),
  ];
}

/** What the documentation calls the keys; any other one stands there under its logical id. */
const keyNames: Readonly<Record<string, string>> = { DataKey: 'data', CredentialVaultEnvelopeKey: 'envelope' };

const services: readonly (readonly [RegExp, string])[] = [
  [/^logs\./, 'CloudWatch Logs'],
  [/^cloudwatch\./, 'CloudWatch alarms'],
  [/^cloudtrail\./, 'CloudTrail'],
];

function principalOf(principal: unknown): string {
  const { AWS, Service } = principal as { AWS?: unknown; Service?: unknown };
  if (AWS === '*') return 'everybody';
  const name = textOf(Service ?? AWS);
  if (Service === undefined) return name.endsWith(':root') ? 'the account, where IAM allows it' : `\`${name}\``;
  return services.find(([pattern]) => pattern.test(name))?.[1] ?? `\`${name}\``;
}

const operators: Readonly<Record<string, string>> = {
  StringEquals: 'is',
  StringNotEquals: 'is not',
  StringLike: 'is like',
  ArnLike: 'is like',
};

function conditionsOf(condition: Statement['Condition'] = {}): string {
  return Object.entries(condition)
    .flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => {
        const name = key.replace(/^kms:EncryptionContext:/, 'context ').replace(/^kms:/, '');
        const texts = [values].flat().map((value) => `\`${textOf(value)}\``);
        return `${name} ${operators[operator] ?? operator} ${texts.sort().join(' or ')}`;
      }),
    )
    .sort()
    .join('; ');
}

/** A value of the template as one reads it: what only the deployment knows stands in braces. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::Join': join } = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]] };
  if (join !== undefined) return join[1].map(textOf).join(join[0]);
  return Ref === undefined ? JSON.stringify(value) : `{${Ref.replace(/^AWS::/, '').toLowerCase()}}`;
}
