import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import { Grant } from 'aws-cdk-lib/aws-iam';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { StageSettings } from '../stage.ts';
import type { HandlerFunction } from './handler-function.ts';

/** The platform's own runtime for agents, which is no resource of ours: the function or queue that the operator has named, or none. */
export class AgentRuntime {
  readonly #setting: StageSettings['agentRuntime'];

  constructor({ agentRuntime }: StageSettings) {
    this.#setting = agentRuntime;
  }

  /** Tells the grantee which runtime there is, if any. It can't reach it by that. */
  tell(grantee: HandlerFunction): void {
    const setting = this.#setting;
    if (setting === undefined) return;
    const address = setting.type === 'lambda' ? setting.functionArn : urlOf(setting.queueArn, Stack.of(grantee));
    grantee.setVariable(environmentName.agentRuntime, address);
  }

  /** Lets the grantee hand events to just this function or queue. */
  grantDispatch(grantee: HandlerFunction): void {
    this.tell(grantee);
    if (this.#setting?.type === 'lambda')
      Grant.addToPrincipal({
        grantee,
        actions: ['lambda:InvokeFunction'],
        resourceArns: [this.#setting.functionArn],
      });
    if (this.#setting?.type === 'sqs')
      Grant.addToPrincipal({ grantee, actions: ['sqs:SendMessage'], resourceArns: [this.#setting.queueArn] });
  }
}

/** "Amazon SQS queue and message identifiers": the URL of a queue follows from its ARN. */
function urlOf(queueArn: string, { urlSuffix }: Stack): string {
  const { region, account, resource } = Arn.split(queueArn, ArnFormat.NO_RESOURCE_NAME);
  return `https://sqs.${region}.${urlSuffix}/${account}/${resource}`;
}
