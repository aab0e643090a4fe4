import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { type ReadAction, StateTable, type WriteAction } from './state-table.ts';

/** Who owns what: Meta apps, credentials, webhooks, numbers, agents, bindings, conversations. No secret, not even sealed. */
export class Directory extends Construct {
  readonly #records: StateTable;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    this.#records = new StateTable(this, 'Records', {
      ...props,
      variable: environmentName.directoryTable,
      restorableDays: 35,
      expires: true,
    });
  }

  get table(): Table {
    return this.#records.table;
  }

  /** Lets the grantee look records up, in just these ways. */
  grantRead(grantee: HandlerFunction, ...actions: ReadAction[]): Grant {
    return this.#records.grantRead(grantee, ...actions);
  }

  /** Lets the grantee read all records: after a change of address every credential has to be found. */
  grantScan(grantee: HandlerFunction): Grant {
    return this.#records.grantScan(grantee);
  }

  /** Lets the grantee keep the first answers to requests that a client may repeat, and change nothing else. */
  grantRepeat(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, ['IDEMPOTENCY#'], 'PutItem', 'UpdateItem', 'DeleteItem');
  }

  /** Lets the grantee doubt the credential of a number: note it there, with the ticket of the check that this makes necessary. */
  grantDoubt(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, ['NUMBER#', 'WORK'], 'PutItem', 'UpdateItem');
  }

  /** Lets the grantee see which checks are due and move them on in their line, say what they tell of Meta with a ticket, and change nothing else. */
  grantPlan(grantee: HandlerFunction): void {
    this.#records.grantRead(grantee, 'GetItem', 'Query');
    this.#records.grantWriteBelow(grantee, ['DUE#', 'META', 'WORK'], 'PutItem', 'UpdateItem', 'DeleteItem');
  }

  /** Where changes of records can be heard of. */
  get streamArn(): string {
    return this.#records.streamArn;
  }

  /** Lets the grantee hear of every change of the records. */
  grantWatch(grantee: HandlerFunction): Grant {
    return this.#records.grantStream(grantee);
  }

  /** Lets the grantee add what belongs to a tenant, with the tickets of the work that this makes necessary. */
  grantAddOfTenant(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, ['TENANT#', 'WORK'], 'PutItem');
  }

  /** Lets the grantee take tickets away, or give them another date. */
  grantWorkOff(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, ['WORK'], 'PutItem', 'DeleteItem');
  }

  /** Lets the grantee change records, in just these ways. */
  grantWrite(grantee: HandlerFunction, ...actions: WriteAction[]): Grant {
    return this.#records.grantWrite(grantee, ...actions);
  }
}
