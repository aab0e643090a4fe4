import { type CfnResource, type IAspect, Stack } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import { CfnBucketPolicy } from 'aws-cdk-lib/aws-s3';
import { CfnTopicPolicy } from 'aws-cdk-lib/aws-sns';
import { CfnQueuePolicy } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';

interface Statement {
  readonly Effect?: string;
  readonly Action?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Gap {
  /** What is different in the local template. */
  readonly what: string;
  /** Why the emulator can't do with what AWS gets. */
  readonly why: string;
  /** The statement as the emulator needs it; undefined where nothing of it is left. */
  readonly close: (statement: Statement) => Statement | undefined;
}

/** Everything in which the local template differs from the real one of the same settings. */
export const emulatorGaps: readonly Gap[] = [
  {
    what: 'Allow on condition of kms:EncryptionContext: the condition goes, the permission stays',
    why: 'The emulator knows no encryption context when it evaluates a policy, so it would deny every call.',
    close: (statement) =>
      statement.Effect === 'Allow' ? withoutConditionsOn('kms:EncryptionContext:', statement) : statement,
  },
  {
    what: 'Deny on condition of kms:EncryptionContext: the statement goes',
    why: 'The emulator knows no encryption context when it evaluates a policy, so the statement would hit every call.',
    close: (statement) => (denies('kms:EncryptionContext:', statement) ? undefined : statement),
  },
  {
    what: 'Deny on condition of aws:SecureTransport: the statement goes',
    why: 'The emulator listens on plain http, on loopback.',
    close: (statement) => (denies('aws:SecureTransport', statement) ? undefined : statement),
  },
  {
    what: 'Allow of sqs:SendMessage or sqs:ChangeMessageVisibility: the same for batches stands beside it',
    why: 'The emulator evaluates a batch call as an action of its own; on AWS there is none, the single one allows both.',
    close: (statement) => (statement.Effect === 'Allow' ? withBatchActions(statement) : statement),
  },
];

const actionsWithBatch = ['sqs:SendMessage', 'sqs:ChangeMessageVisibility'];

/** Makes the policies of the local template such that the emulator can evaluate them: by the list above and nothing else. */
export class EmulatorAspect implements IAspect {
  visit(node: IConstruct): void {
    if (node instanceof CfnKey) this.#adapt(node, 'KeyPolicy', node.keyPolicy);
    if (
      node instanceof CfnPolicy ||
      node instanceof CfnQueuePolicy ||
      node instanceof CfnTopicPolicy ||
      node instanceof CfnBucketPolicy
    )
      this.#adapt(node, 'PolicyDocument', node.policyDocument);
  }

  #adapt(resource: CfnResource, property: string, document: unknown): void {
    const { Statement } = Stack.of(resource).resolve(document) as { readonly Statement: readonly Statement[] };
    const kept = Statement.flatMap(closeGaps);
    if (kept.length === 0) resource.node.scope?.node.tryRemoveChild(resource.node.id);
    else resource.addPropertyOverride(`${property}.Statement`, kept);
  }
}

function closeGaps(statement: Statement): Statement[] {
  const closed = emulatorGaps.reduce<Statement | undefined>((rest, gap) => rest && gap.close(rest), statement);
  return closed === undefined ? [] : [closed];
}

const conditionKeys = (statement: Statement) => Object.values(statement.Condition ?? {}).flatMap(Object.keys);

const denies = (prefix: string, statement: Statement) =>
  statement.Effect === 'Deny' && conditionKeys(statement).some((key) => key.startsWith(prefix));

function withoutConditionsOn(prefix: string, statement: Statement): Statement {
  if (!conditionKeys(statement).some((key) => key.startsWith(prefix))) return statement;
  const { Condition = {}, ...rest } = statement;
  const kept = Object.entries(Condition)
    .map(([operator, keys]) => [operator, Object.entries(keys).filter(([key]) => !key.startsWith(prefix))] as const)
    .filter(([, keys]) => keys.length > 0)
    .map(([operator, keys]) => [operator, Object.fromEntries(keys)] as const);
  return kept.length === 0 ? rest : { ...rest, Condition: Object.fromEntries(kept) };
}

function withBatchActions(statement: Statement): Statement {
  const actions = [statement.Action ?? []].flat();
  const batches = actions.filter((action) => actionsWithBatch.includes(action)).map((action) => `${action}Batch`);
  return batches.length === 0 ? statement : { ...statement, Action: [...actions, ...batches] };
}
