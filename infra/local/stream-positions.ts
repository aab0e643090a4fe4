import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  type EventSourceMappingConfiguration,
  LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { type AwsEndpoint, clientConfiguration } from './aws-endpoint.ts';

/**
 * Has every function that hears of the changes of a table hear of those to come. When the emulator stops it forgets its streams, but not how far they had been read: it
 * would be silent for as many changes as there were before. A mapping that is made anew begins at the beginning.
 */
export async function rewindStreams(endpoint: AwsEndpoint): Promise<void> {
  const client = new LambdaClient(clientConfiguration(endpoint));
  const mappings: EventSourceMappingConfiguration[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, {}))
    mappings.push(...EventSourceMappings.filter(({ EventSourceArn }) => EventSourceArn?.includes(':dynamodb:')));
  for (const { UUID, FunctionArn: FunctionName, ...mapping } of mappings) {
    await client.send(new DeleteEventSourceMappingCommand({ UUID }));
    await client.send(
      new CreateEventSourceMappingCommand({
        FunctionName,
        EventSourceArn: mapping.EventSourceArn,
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: mapping.BatchSize,
        FilterCriteria: mapping.FilterCriteria,
        MaximumRetryAttempts: mapping.MaximumRetryAttempts,
        BisectBatchOnFunctionError: mapping.BisectBatchOnFunctionError,
        DestinationConfig: mapping.DestinationConfig,
        FunctionResponseTypes: mapping.FunctionResponseTypes,
      }),
    );
  }
}
