import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentHost } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { type Business, newBusiness, newCustomer, withNewAppSecret } from './support/business.ts';
import { bindAgent, type Connection, type ConversationPartner, connect, quiet } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { configuredFor, hearersOf } from './support/meta-state.ts';
import { eventually } from './support/patience.ts';
import { sealedOf } from './support/tables.ts';

let host: AgentHost;
beforeAll(async () => {
  host = await AgentHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

async function partnerOf(api: Api, business: Business, wabaId: string, number: string): Promise<ConversationPartner> {
  const connection: Connection = await connect(api, business, { wabaId, phoneNumberIds: [number] });
  const agent = await bindAgent(host, `agent-${number.slice(-6)}`, connection, number, quiet);
  return { ...connection, number, agent };
}

/** Customers write without a pause; Meta repeats what is not taken. */
class Chatter {
  readonly sent: string[] = [];
  readonly #number: string;
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(number: string) {
    this.#number = number;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const body = `message ${this.sent.length}`;
      await meta.message({ phoneNumberId: this.#number, from: newCustomer().waId, body, retries: 6 });
      this.sent.push(body);
    }
  }

  async stop(): Promise<readonly string[]> {
    this.#stopped = true;
    await this.#running;
    return this.sent;
  }
}

/** A notice about the account, which goes to the app's own callback whatever overrides there are. Answers each delivery's last status. */
async function accountNotice(wabaId: string): Promise<readonly (number | null | undefined)[]> {
  const value = { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: 'SPAM' } };
  const { deliveries } = await meta.deliver({ wabaId, field: 'account_update', value });
  expect(deliveries.every(({ level }) => level === 'app')).toBe(true);
  return deliveries.map(({ attempts }) => attempts.at(-1)?.status);
}

describe.each(['in the same tenant', 'in two tenants'])('two accounts under one Meta app, %s', (where) => {
  test('one is removed, the secret rotated by the other: the other misses nothing, and nothing is orphaned', async () => {
    const business = await newBusiness({ numbers: [1, 1] });
    const [one, two] = business.wabas as [Business['wabas'][number], Business['wabas'][number]];
    const first = await Api.asNewTenant('first');
    const second = where === 'in two tenants' ? await Api.asNewTenant('second') : first;
    const leaving = await partnerOf(first, business, one.id, one.numbers[0] ?? '');
    const staying = await partnerOf(second, business, two.id, two.numbers[0] ?? '');
    expect(await accountNotice(two.id)).toEqual([200]);

    const chatter = new Chatter(staying.number);
    const removed = await first.deleteCredential(leaving.credential.id, 'unbind');
    expect(removed.status, removed.text).toBe(200);
    expect(removed.body.leftAtMeta).toEqual([]);
    expect(await accountNotice(two.id)).toEqual([200]);

    const { app } = await withNewAppSecret(business);
    const rotated = await second.patchCredential(staying.credential.id, { appSecret: app.secret }, 1);
    expect(rotated.status, rotated.text).toBe(200);
    expect(await accountNotice(two.id)).toEqual([200]);
    const sent = await chatter.stop();
    expect(sent.length).toBeGreaterThan(3);
    await eventually(() => expect(staying.agent.texts.toSorted()).toEqual(sent.toSorted()));

    // Of the one that went nothing is left but what the other needs.
    const kept = await configuredFor(business);
    expect(Object.keys(kept).sort()).toEqual([`account ${two.id}`, `app ${app.id}`, `number ${staying.number}`].sort());
    expect(await sealedOf(leaving.credential.id)).toEqual([]);
    const last = await second.deleteCredential(staying.credential.id, 'unbind');
    expect(last.body.leftAtMeta).toEqual([]);
    expect(await configuredFor(business)).toEqual({});
    expect(await sealedOf(`app_${app.id}`)).toEqual([]);
    expect(await sealedOf(staying.credential.id)).toEqual([]);
  });
});

describe('two tenants who share app and account, with a number each', () => {
  const newShared = async () => {
    const business = await newBusiness({ numbers: [2] });
    const [{ id: wabaId, numbers }] = business.wabas as [Business['wabas'][number]];
    const maker = await partnerOf(await Api.asNewTenant('maker'), business, wabaId, numbers[0] ?? '');
    const finder = await partnerOf(await Api.asNewTenant('finder'), business, wabaId, numbers[1] ?? '');
    return { business, wabaId, maker, finder };
  };

  test.each(['maker', 'finder'] as const)(
    'the removal of the %s of the subscription leaves the other all it needs',
    async (who) => {
      const shared = await newShared();
      const { business, wabaId } = shared;
      const [leaving, staying] = who === 'maker' ? [shared.maker, shared.finder] : [shared.finder, shared.maker];
      const removed = await leaving.api.deleteCredential(leaving.credential.id, 'unbind');
      expect(removed.status, removed.text).toBe(200);
      expect(removed.body.leftAtMeta).toEqual([]);

      expect(await hearersOf(staying.number)).toBe('ours (phone)');
      expect(Object.keys(await configuredFor(business)).sort()).toEqual(
        [`account ${wabaId}`, `app ${business.app.id}`, `number ${staying.number}`].sort(),
      );
      await meta.message({ phoneNumberId: staying.number, from: newCustomer().waId, body: 'still there?' });
      await eventually(() => expect(staying.agent.texts).toEqual(['still there?']));
      await meta.message({ phoneNumberId: leaving.number, from: newCustomer().waId, body: 'and you?' });

      const last = await staying.api.deleteCredential(staying.credential.id, 'unbind');
      expect(last.body.leftAtMeta).toEqual([]);
      expect(await configuredFor(business)).toEqual({});
      expect(leaving.agent.texts).toEqual([]);
      expect(await sealedOf(`app_${business.app.id}`)).toEqual([]);
    },
  );

  test('both removed at the same moment leave nothing at Meta and nothing in the Vault', async () => {
    for (let round = 1; round <= 3; round++) {
      const { business, maker, finder } = await newShared();
      const answers = await Promise.all(
        [maker, finder].map(({ api, credential }) => api.deleteCredential(credential.id, 'unbind')),
      );
      for (const answer of answers) expect([200, 202], answer.text).toContain(answer.status);
      await eventually(async () => {
        expect(await configuredFor(business)).toEqual({});
        for (const owner of [`app_${business.app.id}`, maker.credential.id, finder.credential.id])
          expect(await sealedOf(owner)).toEqual([]);
      });
    }
  });
});
