import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { HandlerFunction } from './handler-function.ts';
import type { HouseProps } from './house.ts';
import { StateTable } from './state-table.ts';

/** The list of accesses that is meant for users: who opened what, for which purpose, when. Records are added, never changed. */
export class AuditLog extends Construct {
  readonly #accesses: StateTable;

  constructor(scope: Construct, id: string, props: HouseProps) {
    super(scope, id);
    this.#accesses = new StateTable(this, 'Accesses', {
      ...props,
      variable: environmentName.auditTable,
      restorableDays: 35,
      expires: true,
    });
  }

  /** Where additions, changes and removals can be heard of. */
  get streamArn(): string {
    return this.#accesses.streamArn;
  }

  get table(): Table {
    return this.#accesses.table;
  }

  /** Lets the grantee hear of every change of the records. */
  grantWatch(grantee: HandlerFunction): Grant {
    return this.#accesses.grantStream(grantee);
  }

  /** Lets the grantee list the records of one credential or agent; it can neither add, change nor delete any. */
  grantList(grantee: HandlerFunction): Grant {
    return this.#accesses.grantRead(grantee, 'Query');
  }

  /** Lets the grantee add records; it can neither read, change nor delete them. */
  grantRecord(grantee: HandlerFunction): Grant {
    return this.#accesses.grantWrite(grantee, 'PutItem');
  }
}
