import { describe } from 'vitest';
import { activityReader, activityStore } from '../../shared/adapters/activity-store.ts';
import { activityContract } from '../support/activity-contract.ts';
import { dynamoDbOf, engineNames, makeTable } from './support/engines.ts';

describe.each(engineNames)('activity on %s', (engine) => {
  const makeStores = async () => {
    const [client, table] = [dynamoDbOf(engine), await makeTable(engine)];
    return { store: activityStore(client, table), reader: activityReader(client, table) };
  };
  // moto lets one transaction begin while another is under way, and writes both.
  activityContract(makeStores, { isolatesTransactions: engine !== 'moto' });
});
