import type { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { StateTable } from './state-table.ts';

/** Where activity is kept: what happened to each credential, and how often to each tenant. */
const recentEvents = 'ACTIVITY#';
const counts = 'ACTIVITY-COUNT#';

/** What happened: claims on events, activity, messages. Everything in it expires. */
export class EventStore extends Construct {
  readonly #events: StateTable;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    this.#events = new StateTable(this, 'Events', {
      ...props,
      variable: environmentName.eventsTable,
      restorableDays: 35,
      expires: true,
    });
  }

  get table(): Table {
    return this.#events.table;
  }

  /** Lets the grantee claim events, write down how far it got, and hold them; a claim is held for `lease`. */
  grantRoute(grantee: HandlerFunction, lease: Duration): void {
    grantee.setVariable(environmentName.leaseSeconds, String(lease.toSeconds()));
    this.#events.grantRead(grantee, 'GetItem', 'Query');
    this.#events.grantWrite(grantee, 'PutItem', 'UpdateItem', 'DeleteItem');
  }

  /** Lets the grantee write down what it sends, and read what has become of it. */
  grantSend(grantee: HandlerFunction): void {
    this.#events.grantRead(grantee, 'GetItem');
    this.#events.grantWriteBelow(grantee, ['msg_', 'conv_'], 'PutItem', 'UpdateItem');
  }

  /** Lets the grantee keep account of media on their way. */
  grantTransfer(grantee: HandlerFunction, ...actions: ('PutItem' | 'UpdateItem')[]): void {
    this.#events.grantRead(grantee, 'GetItem');
    this.#events.grantWriteBelow(grantee, ['med_', 'upl_'], ...actions);
  }

  /** Lets the grantee take away what lies in the line of a conversation. */
  grantErase(grantee: HandlerFunction): void {
    this.#events.grantRead(grantee, 'Query');
    this.#events.grantWrite(grantee, 'DeleteItem');
  }

  /** Lets the grantee see what is held: where it stands in line, not what it says. */
  grantListHeld(grantee: HandlerFunction): void {
    this.#events.grantRead(grantee, 'Query');
  }

  /** Where changes can be heard of. */
  get streamArn(): string {
    return this.#events.streamArn;
  }

  /** Lets the grantee hear of every change and keep count of what happened; it can read and write nothing but its counts. */
  grantProject(grantee: HandlerFunction): Grant {
    const kept = [recentEvents, counts, 'ACTIVITY-HELD#'];
    this.#events.grantReadBelow(grantee, kept, 'GetItem', 'BatchGetItem');
    this.#events.grantWriteBelow(grantee, kept, 'UpdateItem');
    return this.#events.grantStream(grantee);
  }

  /** Lets the grantee see what happened and how often, and nothing else of it. */
  grantShowActivity(grantee: HandlerFunction): void {
    this.#events.grantReadBelow(grantee, [recentEvents, counts], 'BatchGetItem', 'Query');
  }

  /** Lets the grantee see when something last went through numbers and agents. */
  grantReadTimes(grantee: HandlerFunction): void {
    this.#events.grantReadBelow(grantee, [counts], 'BatchGetItem');
  }
}
