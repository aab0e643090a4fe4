import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { AgentRouter } from './agent-router.ts';
import type { CapabilityProps } from './capability.ts';
import { HandlerFunction } from './handler-function.ts';
import type { MediaRelay } from './media-relay.ts';

export interface HeldManagementProps extends Omit<CapabilityProps, 'vault' | 'graphApi' | 'auditLog'> {
  readonly relay: MediaRelay;
  readonly router: AgentRouter;
}

/** What users decide about events that wait, and about everything that is kept of a customer. Opens nothing, reads no event. */
export class HeldManagement extends Construct {
  constructor(scope: Construct, id: string, props: HeldManagementProps) {
    super(scope, id);
    const { settings, dataKey, api, directory, eventStore, relay, router } = props;
    const manage = new HandlerFunction(this, 'ManageHeld', {
      settings,
      dataKey,
      description: 'Lists held events, has them replayed or discarded',
    });
    api.serveTenants(
      manage,
      'GET /v1/credentials/{credentialId}/held',
      'POST /v1/credentials/{credentialId}/held/replay',
      'DELETE /v1/credentials/{credentialId}/held',
    );
    directory.grantRead(manage, 'GetItem', 'BatchGetItem');
    // UpdateItem: the first answer to a repeated request.
    directory.grantWrite(manage, 'PutItem', 'UpdateItem', 'DeleteItem');
    eventStore.grantListHeld(manage);
    router.grantRelease(manage);

    const erase = new HandlerFunction(this, 'EraseCustomer', {
      settings,
      dataKey,
      description: 'Erases what is kept of a customer',
      // Thousands of events may be held of one.
      timeout: Duration.seconds(29),
    });
    api.serveTenants(erase, 'DELETE /v1/customers/{customerId}');
    directory.grantRead(erase, 'GetItem', 'BatchGetItem', 'Query');
    directory.grantWrite(erase, 'PutItem');
    eventStore.grantErase(erase);
    relay.grantErase(erase);
  }
}
