import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { type ReadAction, StateTable, type WriteAction } from './state-table.ts';

/** What the keys of what tenants are told begin with, and those of tickets. Source: shared/adapters/directory-keys.ts. */
const told = 'TOLD#';
const tickets = 'WORK';

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
    return this.#records.grantWriteBelow(grantee, ['NUMBER#', tickets], 'PutItem', 'UpdateItem');
  }

  /** Lets the grantee see which checks are due and move them on in their line, say what they tell of Meta with a ticket, and change nothing else. */
  grantPlan(grantee: HandlerFunction): void {
    this.#records.grantReadBelow(grantee, ['DUE#', 'META'], 'GetItem', 'Query');
    this.#records.grantWriteBelow(grantee, ['DUE#', 'META', tickets], 'PutItem', 'UpdateItem', 'DeleteItem');
  }

  /** Where changes of records can be heard of. */
  get streamArn(): string {
    return this.#records.streamArn;
  }

  /** Lets the grantee hear of every change of the records. */
  grantWatch(grantee: HandlerFunction): Grant {
    return this.#records.grantStream(grantee);
  }

  /** Lets the grantee write down what tenants are told and where, with the tickets of the work that this makes necessary. */
  grantTell(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, [told, tickets], 'PutItem');
  }

  /** Lets the grantee read what tenants are told and where, and the tickets of such work. */
  grantReadTold(grantee: HandlerFunction): Grant {
    return this.#records.grantReadBelow(grantee, [told, tickets], 'GetItem');
  }

  /** Lets the grantee take tickets away, or give them another date. */
  grantWorkOff(grantee: HandlerFunction): Grant {
    return this.#records.grantWriteBelow(grantee, [tickets], 'PutItem', 'DeleteItem');
  }

  /** Lets the grantee change records, in just these ways. */
  grantWrite(grantee: HandlerFunction, ...actions: WriteAction[]): Grant {
    return this.#records.grantWrite(grantee, ...actions);
  }
}
