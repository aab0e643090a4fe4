import { afterAll, describe, expect, test } from 'vitest';
import { pauseAgent } from '../../functions/agents/pause-agent.ts';
import { putAgent } from '../../functions/agents/put-agent.ts';
import { removeAgent } from '../../functions/agents/remove-agent.ts';
import { resumeAgent } from '../../functions/agents/resume-agent.ts';
import { rotateSigningSecret } from '../../functions/agents/rotate-signing-secret.ts';
import { createCredential } from '../../functions/credentials/create-credential.ts';
import { removeCredential } from '../../functions/credentials/remove-credential.ts';
import { updateCredential } from '../../functions/credentials/update-credential.ts';
import type { Answer } from '../../functions/edge/answer.ts';
import { onlyOnce, repeatableRequest } from '../../functions/edge/idempotency.ts';
import { putAgentRequest } from '../../shared/contracts/agent.ts';
import { createCredentialRequest, updateCredentialRequest } from '../../shared/contracts/credential.ts';
import { agentId, credentialId, phoneNumberId, tenantId } from '../../shared/contracts/ids.ts';
import { afterNews } from '../../shared/domain/account-standing.ts';
import { Fault } from '../../shared/domain/fault.ts';
import { isRefused, type Refused } from '../../shared/domain/outcome.ts';
import { credentialRecord } from '../../shared/domain/records.ts';
import { pauseOnDoubt } from '../../shared/domain/sending-doubt.ts';
import { Deployment, type RunningProcess, type Snapshot } from './support/deployment.ts';
import { comparable, expectAllInOrder } from './support/final-state.ts';
import type { Interruption } from './support/mortal-process.ts';

// A process dies at every single call that it makes to the outside, before the call has an effect and after. Then another one sweeps up, the client repeats its call, and what is left in the tables and at Meta must be what an undisturbed run leaves.

const acme = { tenantId: tenantId.parse('acme'), subject: 'ada' };
const globex = { tenantId: tenantId.parse('globex'), subject: 'grace' };
type Caller = typeof acme & { readonly email?: string };

const app = { id: '900100000000001', secret: 'facade00facade00facade00facade01' };
const newSecret = 'facade00facade00facade00facade02';
const firstAccount = '900200000000001';
const secondAccount = '900200000000002';
const numberOne = '900400000000001';
const numberTwo = '900400000000002';
const numberThree = '900400000000003';
const token = 'EAAFAKE000000000000000000000000000000000000000000000first';
const newToken = 'EAAFAKE00000000000000000000000000000000000000000000second';

const business = {
  apps: [{ ...app, name: 'Shop' }],
  wabas: [firstAccount, secondAccount].map((id) => ({ id, name: `Account ${id}`, businessId: '900300000000001' })),
  phoneNumbers: [
    { id: numberOne, wabaId: firstAccount },
    { id: numberTwo, wabaId: firstAccount },
    { id: numberThree, wabaId: secondAccount },
  ].map((number) => ({ ...number, displayPhoneNumber: '+1 555-010-0100', verifiedName: 'Shop' })),
  tokens: [
    { name: 'first', value: token, appId: app.id, assets: 'all' as const },
    { name: 'second', value: newToken, appId: app.id, assets: 'all' as const },
  ],
};

/** API Gateway's patience is used up: no answer waits for a worker here. */
const noTime = (): number => 0;
const justAMoment = 3 * 60 * 1000;
const untilNothingIsAccepted = 8 * 24 * 60 * 60 * 1000;

const connect = async (
  process: RunningProcess,
  caller: Caller,
  request: { readonly label: string; readonly wabaId: string; readonly phoneNumberIds?: readonly string[] },
): Promise<Answer | Refused> => {
  const body = createCredentialRequest.parse({ appId: app.id, appSecret: app.secret, accessToken: token, ...request });
  const idempotencyKey = `connect ${request.label}`.replaceAll(' ', '-');
  const rawBody = Buffer.from(JSON.stringify(request));
  const repeatable = repeatableRequest(caller, 'POST /v1/credentials', idempotencyKey, rawBody);
  if (isRefused(repeatable)) throw new Error('The key names no request');
  const { ports } = process;
  return onlyOnce(repeatable, ports.idempotency, () =>
    createCredential(caller, body, { createdWith: repeatable.requestDigest, timeLeft: noTime }, ports),
  );
};

const shop = { label: 'Shop', wabaId: firstAccount, phoneNumberIds: [numberOne, numberTwo] };
const service = { label: 'Service', wabaId: secondAccount, phoneNumberIds: [numberThree] };
/** The same account as the shop, without numbers of its own. */
const observer = { label: 'Observer', wabaId: firstAccount };

const idOf = async ({ ports }: RunningProcess, caller: Caller) => {
  const [found] = (await ports.credentials.list(caller.tenantId, 10)).items;
  if (found === undefined) throw new Error('The tenant has no credential');
  return found.credentialId;
};

interface Scenario {
  readonly title: string;
  /** What has been done before, undisturbed. */
  readonly before?: (process: RunningProcess, deployment: Deployment) => Promise<void>;
  /** The call of a client. Its ids are those of the state before. */
  readonly call: (process: RunningProcess, before: Snapshot) => Promise<Answer | Refused>;
  /** What a repeat may be told when the first call has come far enough. */
  readonly doneAlready?: readonly Refused['refused'][];
}

const firstOf = (before: Snapshot, { tenantId: owner }: Caller) =>
  credentialId.parse(
    before.directory.find(({ pk, sk }) => pk === `TENANT#${owner}` && sk.startsWith('CRED#'))?.credentialId,
  );

const update = (process: RunningProcess, before: Snapshot, change: object) =>
  updateCredential(acme, firstOf(before, acme), updateCredentialRequest.parse(change), '"1"', process.ports);

/** Meta reports that the account of the tenant's first credential is disabled. */
const disable = async (process: RunningProcess): Promise<void> => {
  const { credentials, webhookState } = process.ports;
  const credential = await credentials.find(acme.tenantId, await idOf(process, acme));
  if (credential === undefined) throw new Error('There is nothing to disable');
  const value = { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } };
  const after = afterNews(credential, { field: 'account_update', value, at: null }, process.ports.now());
  if (!(await webhookState.recordStanding(credential, after, []))) throw new Error('It has changed meanwhile');
};

/** Meta refuses what is sent from the first number, and sending from it is paused until a check has looked at the credential. */
const refusedSend = async (process: RunningProcess): Promise<void> => {
  const number = await process.ports.credentials.findNumber(phoneNumberId.parse(numberOne));
  if (number === undefined) throw new Error('There is nothing to send from');
  const failure = { kind: 'refused', refusal: 'token-invalid', code: 190 } as const;
  await pauseOnDoubt(number, { ok: false, failure }, { ...process.ports, checks: process.ports.queues });
};

const bot = agentId.parse('agent_01JD000000000000000000000A');
const neighbour = agentId.parse('agent_01JD000000000000000000000B');
const bind = async (process: RunningProcess, id = bot, routing: object = { default: true }) =>
  putAgent(
    acme,
    id,
    putAgentRequest.parse({
      name: 'Bot',
      target: { type: 'https', url: 'http://127.0.0.1:9/agent' },
      whatsapp: { enabled: true, credentialId: await idOf(process, acme), phoneNumberId: numberOne, routing },
    }),
    { ifMatch: undefined, ifNoneMatch: '*' },
    process.ports,
  );

const inTurn =
  (...steps: readonly ((process: RunningProcess) => Promise<Answer | Refused>)[]) =>
  async (process: RunningProcess): Promise<void> => {
    for (const step of steps) {
      const outcome = await step(process);
      if (isRefused(outcome)) throw new Error(`Refused: ${JSON.stringify(outcome)}`);
      await process.workOff();
    }
  };

const scenarios: readonly Scenario[] = [
  { title: 'connecting the first credential of an app, with numbers', call: (process) => connect(process, acme, shop) },
  {
    title: 'connecting as somebody with a verified address, to whom alerts go from then on',
    call: (process) => connect(process, { ...acme, email: 'ada@example.com' }, observer),
  },
  {
    title: 'connecting a second credential of an app',
    before: inTurn((process) => connect(process, acme, shop)),
    call: (process) => connect(process, globex, service),
  },
  {
    title: 'binding an agent to a number',
    before: inTurn((process) => connect(process, acme, { ...shop, phoneNumberIds: [] })),
    call: (process) => bind(process),
    doneAlready: ['agent-exists'],
  },
  {
    title: 'resuming an agent that is paused',
    before: inTurn(
      (process) => connect(process, acme, shop),
      (process) => bind(process),
      (process) => pauseAgent(acme, bot, process.ports),
    ),
    call: (process) => resumeAgent(acme, bot, process.ports),
  },
  {
    title: 'removing an agent that has two signing secrets, beside another one',
    before: inTurn(
      (process) => connect(process, acme, { ...shop, phoneNumberIds: [] }),
      (process) => bind(process),
      (process) => bind(process, neighbour, { priority: 1, conditions: { keywords: ['order'] } }),
      (process) => rotateSigningSecret(acme, bot, process.ports),
    ),
    call: (process) => removeAgent(acme, bot, '*', process.ports),
    doneAlready: ['not-found'],
  },
  {
    title: 'changing the access token',
    before: inTurn((process) => connect(process, acme, shop)),
    call: (process, before) => update(process, before, { accessToken: newToken }),
    doneAlready: ['precondition-failed'],
  },
  {
    title: 'repairing a credential whose account was disabled',
    before: async (process) => {
      await inTurn(() => connect(process, acme, shop))(process);
      await disable(process);
    },
    call: (process, before) => update(process, before, { accessToken: newToken }),
    doneAlready: ['precondition-failed'],
  },
  {
    title: 'checking a credential whose token is revoked',
    before: async (process, { meta }) => {
      await inTurn(() => connect(process, acme, shop))(process);
      await meta.control('POST', 'tokens/first/revoke', {});
    },
    call: async (process) => {
      await refusedSend(process);
      return { kind: 'ok', body: {} };
    },
  },
  {
    title: 'repairing a credential that a check has disabled',
    before: async (process, { meta }) => {
      await inTurn(() => connect(process, acme, shop))(process);
      await meta.control('POST', 'tokens/first/revoke', {});
      await refusedSend(process);
    },
    call: (process, before) => update(process, before, { accessToken: newToken }),
    doneAlready: ['precondition-failed'],
  },
  {
    title: 'changing the App Secret, with two credentials of the app in two tenants',
    before: async (process, { meta }) => {
      await inTurn(
        () => connect(process, acme, shop),
        () => connect(process, globex, service),
      )(process);
      await meta.control('POST', `apps/${app.id}/rotate-secret`, { secret: newSecret });
    },
    call: (process, before) => update(process, before, { appSecret: newSecret }),
    doneAlready: ['precondition-failed'],
  },
  {
    title: 'removing the last credential of an app, with an agent bound to it',
    before: inTurn(
      (process) => connect(process, acme, shop),
      (process) => bind(process),
    ),
    call: (process, before) => removeCredential(acme, firstOf(before, acme), 'unbind', noTime, process.ports),
    doneAlready: ['not-found'],
  },
  {
    title: 'removing one of two credentials of an app',
    before: inTurn(
      (process) => connect(process, acme, shop),
      (process) => connect(process, globex, service),
    ),
    call: (process, before) => removeCredential(acme, firstOf(before, acme), 'unbind', noTime, process.ports),
    doneAlready: ['not-found'],
  },
  {
    title: 'removing one of two credentials of the same account',
    before: inTurn(
      (process) => connect(process, acme, shop),
      (process) => connect(process, globex, observer),
    ),
    call: (process, before) => removeCredential(acme, firstOf(before, acme), 'unbind', noTime, process.ports),
    doneAlready: ['not-found'],
  },
];

/** How many places there are to die in each scenario. */
const tried = new Map<string, number>();
afterAll(() => {
  for (const [title, count] of tried) process.stdout.write(`${String(count).padStart(4)} crashes of ${title}\n`);
});

describe.concurrent('whoever dies in the middle of', () => {
  test.each(scenarios.map((scenario) => [scenario.title, scenario] as const))(
    '%s leaves what the sweeper and a repeat bring to its end',
    { timeout: 300_000 },
    async (title, scenario) => {
      await using deployment = await Deployment.make();
      const before = await stateBefore(deployment, scenario);
      const undisturbed = comparable(await end(deployment, before, scenario), before);
      await deployment.restore(before);
      const { calls, sideBySide } = await attempt(deployment, before, scenario);
      let crashes = 0;
      for (let at = 1; at <= calls; at++)
        for (const when of ['before', 'after'] as const) {
          crashes++;
          if (isTheSameAsTheOneBefore(at, when, sideBySide)) continue;
          await deployment.restore(before);
          await attempt(deployment, before, scenario, { at, when });
          await sweep(deployment);
          await explained(`death ${when} call ${at}`, async () => {
            expect(comparable(await end(deployment, before, scenario), before)).toEqual(undisturbed);
          });
        }
      tried.set(title, crashes);
      expect(crashes).toBeGreaterThan(10);
    },
  );
});

describe.concurrent('whoever connects while somebody else removes it', () => {
  // Not both at once: a set-up that is held up for longer than the whole removal takes, and then dies between its request to Meta
  // and the look after it, may leave the subscription of the account. Nobody has a token then that could take it away.
  test.each([
    ['is held up in the middle of it', (removal: () => Promise<void>) => removal],
    ['dies in the middle of it', () => undefined],
  ] as const)('and %s leaves nothing of it', { timeout: 300_000 }, async (title, meanwhile) => {
    await using deployment = await Deployment.make();
    await deployment.meta.seed(business);
    await deployment.process().sweep();
    const before = await deployment.snapshot();
    const removal = async () => {
      const process = deployment.process();
      const [found] = (await process.ports.credentials.list(acme.tenantId, 1)).items;
      if (found !== undefined) await removeCredential(acme, found.credentialId, 'unbind', noTime, process.ports);
      await process.workOff();
    };
    const connection = async (process: RunningProcess) => {
      await connect(process, acme, shop);
      // What an outage or a removal stops stays in the queue, and its ticket in the table.
      await process.workOff().catch((error: unknown) => expect(error).toBeInstanceOf(Fault));
    };
    await connection(deployment.process());
    await removal();
    const undisturbed = comparable(await deployment.snapshot(), before);
    await deployment.restore(before);
    const alone = deployment.process();
    await connection(alone);
    const { calls, sideBySide } = alone.mortal;
    let places = 0;
    for (let at = 1; at <= calls; at++)
      for (const when of ['before', 'after'] as const) {
        places++;
        if (isTheSameAsTheOneBefore(at, when, sideBySide)) continue;
        await deployment.restore(before);
        const process = deployment.process({ at, when, meanwhile: meanwhile(removal) });
        await process.mortal.live(() => connection(process));
        await removal();
        await sweep(deployment);
        await sweep(deployment, untilNothingIsAccepted);
        await explained(`${when} call ${at}`, async () => {
          const state = await deployment.snapshot();
          await expectAllInOrder(state, deployment.process());
          // Who died before anything was stored has left nothing at all.
          if (state.directory.some(({ sk }) => sk === 'WEBHOOK'))
            expect(comparable(state, before)).toEqual(undisturbed);
        });
      }
    tried.set(`connecting, who ${title} while it is removed`, places);
  });
});

describe.concurrent('when Meta disables the account', () => {
  test.each([
    ['edits the label', (process, before) => update(process, before, { label: 'Another name' }), false],
    // Who has proved the token after the news has shown that Meta lets us in again.
    ['changes the access token', (process, before) => update(process, before, { accessToken: newToken }), true],
    ['binds an agent to another number of it', (process) => bind(process), false],
  ] as const satisfies [string, Scenario['call'], boolean][])(
    'while its user %s, that is not overwritten',
    {
      timeout: 300_000,
    },
    async (title, call: Scenario['call'], mayRepair: boolean) => {
      await using deployment = await Deployment.make();
      await deployment.meta.seed(business);
      const process = deployment.process();
      await connect(process, acme, { ...shop, phoneNumberIds: [numberTwo] });
      await process.workOff();
      const before = await deployment.snapshot();
      const alone = deployment.process();
      await call(alone, before);
      const { calls } = alone.mortal;
      for (let at = 1; at <= calls; at++) {
        await deployment.restore(before);
        const disturbed = deployment.process({ at, when: 'before', meanwhile: () => disable(deployment.process()) });
        const first = await call(disturbed, before);
        // Whoever is told that something has changed meanwhile repeats.
        const outcome = isRefused(first) && first.refused === 'conflict' ? await call(disturbed, before) : first;
        await disturbed.workOff();
        await explained(`before call ${at}`, async () => {
          expect(isRefused(outcome)).toBe(false);
          const state = await deployment.snapshot();
          await expectAllInOrder(state, deployment.process());
          const row = state.directory.find(({ sk }) => sk.startsWith('CRED#'));
          const { standing } = credentialRecord.parse(row);
          if (!mayRepair || standing !== null) expect(standing?.reason.code).toBe('account-disabled');
        });
      }
      tried.set(`when Meta disables the account while its user ${title}`, calls);
    },
  );
});

/** With nothing else under way, what is left before a call is what the call before it has left. */
const isTheSameAsTheOneBefore = (at: number, when: Interruption['when'], sideBySide: ReadonlySet<number>): boolean =>
  when === 'before' && at > 1 && !sideBySide.has(at);

async function stateBefore(deployment: Deployment, { before }: Scenario): Promise<Snapshot> {
  await deployment.meta.seed(business);
  const process = deployment.process();
  await before?.(process, deployment);
  await process.workOff();
  await process.sweep();
  return deployment.snapshot();
}

/** The call of a client and the work that it makes, by a process that may die. */
const attempt = async (deployment: Deployment, before: Snapshot, { call }: Scenario, interruption?: Interruption) => {
  const process = deployment.process(interruption);
  await process.mortal.live(async () => {
    const outcome = await call(process, before);
    if (isRefused(outcome)) throw new Error(`Refused: ${JSON.stringify(outcome)}`);
    await process.workOff();
  });
  return process.mortal;
};

/** A few minutes later somebody looks after what is overdue. */
async function sweep(deployment: Deployment, later = justAMoment): Promise<void> {
  deployment.wait(later);
  const process = deployment.process();
  await process.sweep();
  await process.workOff();
}

/** The client calls (again); when nobody is at work any more, everything is in order. */
async function end(deployment: Deployment, before: Snapshot, { call, doneAlready = [] }: Scenario): Promise<Snapshot> {
  const process = deployment.process();
  const outcome = await call(process, before);
  if (isRefused(outcome) && !doneAlready.includes(outcome.refused)) expect(outcome).toBe('not refused');
  await process.workOff();
  await sweep(deployment, untilNothingIsAccepted);
  const state = await deployment.snapshot();
  await expectAllInOrder(state, process);
  return state;
}

/** Says where it happened. */
async function explained(where: string, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (error instanceof Error) error.message = `${where}: ${error.message}`;
    throw error;
  }
}
