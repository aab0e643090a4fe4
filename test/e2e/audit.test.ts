import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handlerNames } from '../../infra/handlers.ts';
import type { AuditItem } from '../../shared/contracts/audit.ts';
import { AgentHost, saying } from './support/agent-host.ts';
import { Api } from './support/api.ts';
import { newCustomer } from './support/business.ts';
import { bindAgent, type Connection, connect, newConnection } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { eventually } from './support/patience.ts';
import { expectProblem } from './support/problems.ts';

interface Page {
  readonly items: AuditItem[];
  readonly nextCursor: string | null;
}

const auditOf = ({ credential }: Connection, query = '') => `/v1/credentials/${credential.id}/audit${query}`;

let host: AgentHost;
let connection: Connection;
beforeAll(async () => {
  host = await AgentHost.open();
  // The second account of an app: the user's own request opens the app's secret, to compare it.
  const first = await newConnection('audited', { numbers: [1, 1] });
  connection = await connect(first.api, first.business, { wabaId: first.business.wabas[1]?.id });
  const number = connection.numbers[0] ?? '';
  const agent = await bindAgent(host, 'audited-agent', connection, number);
  agent.answer = () => saying('Hello');
  await meta.message({ phoneNumberId: number, from: newCustomer().waId, body: 'Hello?' });
  await eventually(async () => expect(await meta.sent(number)).toHaveLength(1));
  await eventually(async () =>
    expect((await everyItem()).map(({ purpose }) => purpose)).toContain('webhook-signature'),
  );
});
afterAll(() => host[Symbol.asyncDispose]());

describe('the list of accesses to a credential', () => {
  test('says who opened what, and for which purpose', async () => {
    const opens = (await everyItem()).filter(({ action }) => action === 'open');
    const by = (kind: AuditItem['actor']['kind']) =>
      new Set(opens.filter(({ actor }) => actor.kind === kind).map(({ actor, purpose }) => `${actor.id} ${purpose}`));

    expect([...by('user')]).toEqual([`demo-user@${connection.api.tenant} app-access`]);
    expect([...by('function')].map(functionAndPurpose).sort()).toEqual([
      'ReceiveWebhook webhook-signature',
      'RouteEvent graph-api',
      'SetUpWebhook app-access',
      'SetUpWebhook graph-api',
    ]);
  });

  test('has an attempt before the outcome of each opening, which names the request to KMS', async () => {
    const opens = (await everyItem()).reverse().filter(({ action }) => action === 'open');
    const waiting: AuditItem[] = [];
    for (const item of opens) {
      if (item.phase === 'attempt') {
        waiting.push(item);
        continue;
      }
      expect(item).toMatchObject({
        phase: 'outcome',
        outcome: 'ok',
        kmsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      const at = waiting.findIndex(
        ({ purpose, owner, requestId }) =>
          purpose === item.purpose && owner === item.owner && requestId === item.requestId,
      );
      expect(at, JSON.stringify(item)).toBeGreaterThanOrEqual(0);
      waiting.splice(at, 1);
    }
    expect(waiting).toEqual([]);
    expect(new Set(opens.map(({ kmsRequestId }) => kmsRequestId)).size).toBe(opens.length / 2 + 1);
  });

  test('is newest first, and its pages show every line once', async () => {
    const all = await everyItem();
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    const paged = await itemsOf('limit=3');
    expect(paged.pages).toBe(Math.ceil(all.length / 3));
    expect(paged.items.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
  });

  test('is not there for another tenant, nor for an id that nobody has', async () => {
    const other = await Api.asNewTenant('curious');
    expectProblem(await other.get(auditOf(connection)), { status: 404, code: 'not-found' });
    const unknown = `${connection.credential.id.slice(0, -4)}0000`;
    const answer = await connection.api.get(`/v1/credentials/${unknown}/audit`);
    expectProblem(answer, { status: 404, code: 'not-found' });
  });

  test('is refused with a limit that no page has', async () => {
    const answer = await connection.api.get(auditOf(connection, '?limit=101'));
    expectProblem(answer, { status: 422, code: 'invalid-request', pointer: '/limit' });
  });
});

/** Of the name that CloudFormation gave a function only ours. */
const functionAndPurpose = (said: string): string => {
  const [id = '', purpose] = said.split(' ');
  return `${handlerNames.find((name) => id.includes(`${name}Function`))} ${purpose}`;
};

const everyItem = async () => (await itemsOf('limit=100')).items;

async function itemsOf(query: string): Promise<{ items: AuditItem[]; pages: number }> {
  const items: AuditItem[] = [];
  let pages = 0;
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await connection.api.get<Page>(auditOf(connection, `?${query}${after}`));
    expect(page.status, page.text).toBe(200);
    items.push(...page.body.items);
    cursor = page.body.nextCursor;
  }
  return { items, pages };
}
