import { describe } from 'vitest';
import { numberRecordOf } from '../../support/records.ts';
import { routingContract } from '../../support/routing-contract.ts';
import { memoryClaims, memoryDirectory, memoryHeld } from '../../support/routing-fakes.ts';

describe('in memory', () => {
  routingContract(() => {
    const directory = memoryDirectory([{ ...numberRecordOf(), revision: 1 }]);
    const claims = memoryClaims();
    const held = memoryHeld(directory, claims);
    return Promise.resolve({ ...directory, claims, held, listed: held.reader });
  });
});
