import { readFileSync } from 'node:fs';
import { type CloudFormationClient, DescribeStackResourceCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTimeToLiveCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { type AwsEndpoint, clientConfiguration } from './aws-endpoint.ts';

const Template = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Properties: z
        .object({
          TimeToLiveSpecification: z.object({ AttributeName: z.string(), Enabled: z.boolean() }).optional(),
        })
        .optional(),
    }),
  ),
});

/** Switches on the time to live of every table whose template asks for it: the emulator drops it from templates. */
export async function restoreTimeToLive(
  endpoint: AwsEndpoint,
  cloudFormation: CloudFormationClient,
  stackName: string,
  templatePath: string,
): Promise<void> {
  const dynamoDb = new DynamoDBClient(clientConfiguration(endpoint));
  const { Resources } = Template.parse(JSON.parse(readFileSync(templatePath, 'utf8')));
  for (const [logicalId, { Type, Properties }] of Object.entries(Resources)) {
    const wanted = Properties?.TimeToLiveSpecification;
    if (Type !== 'AWS::DynamoDB::Table' || !wanted?.Enabled) continue;
    const { StackResourceDetail } = await cloudFormation.send(
      new DescribeStackResourceCommand({ StackName: stackName, LogicalResourceId: logicalId }),
    );
    const TableName = StackResourceDetail?.PhysicalResourceId;
    const { TimeToLiveDescription } = await dynamoDb.send(new DescribeTimeToLiveCommand({ TableName }));
    if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') continue;
    await dynamoDb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: wanted }));
  }
}
