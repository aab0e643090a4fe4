import { Stack, Validations } from 'aws-cdk-lib';
import { Grant, Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { DataKey } from './data-key.ts';
import type { HandlerFunction } from './handler-function.ts';

type SubscriptionAction = 'sns:Unsubscribe' | 'sns:GetSubscriptionAttributes';

/**
 * The topics of tenants, one each, made when the first address is to be told: no resources of the template. All of them are called by the name of
 * the stack, `-tenant-` and a hash, and none but these is within reach of a grantee.
 */
export class TenantTopics {
  readonly #dataKey: DataKey;

  constructor(dataKey: DataKey) {
    this.#dataKey = dataKey;
  }

  /** Lets the grantee see who has subscribed, and who of them has confirmed it. */
  grantList(grantee: HandlerFunction): void {
    this.#grant(grantee, ['sns:ListSubscriptionsByTopic']);
    this.#grantOnSubscriptions(grantee, 'sns:GetSubscriptionAttributes');
  }

  /** Lets the grantee make topics, publish to them, and have addresses subscribed or not. */
  grantTell(grantee: HandlerFunction): void {
    grantee.setVariable(environmentName.topicKeyArn, this.#dataKey.key.keyArn);
    this.#dataKey.grantWrite(grantee, 'sns');
    this.#grant(grantee, ['sns:CreateTopic', 'sns:ListSubscriptionsByTopic', 'sns:Publish', 'sns:Subscribe']);
    this.#grantOnSubscriptions(grantee, 'sns:Unsubscribe');
  }

  #grant(grantee: HandlerFunction, actions: string[]): void {
    const { account, partition, region, stackName } = Stack.of(grantee);
    const prefix = `arn:${partition}:sns:${region}:${account}:${stackName}-tenant-`;
    grantee.setVariable(environmentName.tenantTopicPrefix, prefix);
    Validations.of(grantee.node.findChild('Role')).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:${stackName}-tenant-*]`,
      reason: 'Topics of tenants alone: each is named by a hash of the tenant, and made while the stack runs.',
    });
    Grant.addToPrincipal({ grantee, actions, resourceArns: [`${prefix}*`] });
  }

  /**
   * In a policy of its own, where the acknowledgement hides no other wildcard. Source: Service Authorization Reference, "Actions, resources, and
   * condition keys for Amazon SNS": what is done to a subscription can't be limited to a topic.
   */
  #grantOnSubscriptions(grantee: HandlerFunction, action: SubscriptionAction): void {
    const policy = new Policy(grantee, 'Subscriptions', {
      roles: [grantee.node.findChild('Role') as Role],
      statements: [new PolicyStatement({ actions: [action], resources: ['*'] })],
    });
    const reason =
      'SNS knows no resource for this action. The grantee learns the ARNs of subscriptions of tenants’ topics and of no other.';
    Validations.of(policy).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason },
      { id: 'Serverless-LambdaStarPermissions', reason },
    );
  }
}
