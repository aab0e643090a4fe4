import { describe, expect, test } from 'vitest';
import { type PutAgentPorts, putAgent } from '../../../functions/agents/put-agent.ts';
import { putAgentRequest } from '../../../shared/contracts/agent.ts';
import type { AgentChange } from '../../../shared/domain/agent-edition.ts';
import { recordingJournal } from '../../support/fakes.ts';
import { ids } from '../../support/records.ts';

const caller = { tenantId: ids.tenant, subject: 'ada' };
const create = { ifMatch: undefined, ifNoneMatch: '*' };

const world = (hasRuntime: boolean, lastEdition = 0) => {
  const saved: AgentChange[] = [];
  const nobody = () => Promise.reject(new Error('Not asked for here'));
  const ports: PutAgentPorts = {
    agents: {
      find: () => Promise.resolve(undefined),
      lastEdition: () => Promise.resolve(lastEdition),
      list: nobody,
      readNumber: nobody,
      readNumbers: nobody,
    },
    saver: {
      save: (change) => {
        saved.push(change);
        return Promise.resolve(true);
      },
    },
    credentials: {} as PutAgentPorts['credentials'],
    sealer: { seal: (identity) => Promise.resolve({ ...identity, sealed: new Uint8Array() }) },
    queues: { send: nobody },
    targetRules: { allowLoopback: false },
    hasRuntime,
    journal: recordingJournal(),
    apiUrl: 'https://switchboard.example',
    now: () => new Date('2026-11-22T10:00:00.000Z'),
  };
  return { saved, ports };
};
const resident = putAgentRequest.parse({ name: 'Resident', target: { type: 'platform' } });

describe('an agent in the platform’s own runtime', () => {
  test('is refused while the operator has set none, and its owner is told what to do', async () => {
    const { saved, ports } = world(false);
    expect(await putAgent(caller, ids.agent, resident, create, ports)).toMatchObject({
      refused: 'target-refused',
      details: { errors: [{ pointer: '/target/type' }], guidance: expect.stringMatching(/operator/) },
    });
    expect(saved).toEqual([]);
  });

  test('is stored where there is one', async () => {
    const { saved, ports } = world(true);
    expect(await putAgent(caller, ids.agent, resident, create, ports)).toMatchObject({ kind: 'created' });
    expect(saved).toMatchObject([{ after: { target: { type: 'platform' }, secretVersion: 1 } }]);
  });
});

test('a new agent goes on counting where a former one of its id has stopped', async () => {
  const { saved, ports } = world(true, 7);
  await putAgent(caller, ids.agent, resident, create, ports);
  expect(saved).toMatchObject([{ after: { secretVersion: 8 }, sealed: [{ secretVersion: 8 }] }]);
});
