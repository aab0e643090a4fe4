import { expect, test } from 'vitest';
import type { Credential } from '../../shared/contracts/credential.ts';
import type { MessageTemplate } from '../../shared/contracts/template.ts';
import { Api } from './support/api.ts';
import { newBusiness } from './support/business.ts';
import { connect } from './support/connection.ts';
import { meta } from './support/meta.ts';
import { expectProblem } from './support/problems.ts';

test('the templates of an account are listed over all pages, and nobody else’s', async () => {
  const [api, business] = await Promise.all([Api.asNewTenant('templates'), newBusiness()]);
  const { credential, wabaId } = await connect(api, business);
  const templates = Array.from({ length: 130 }, (_, index) => ({
    name: `template_${index}`,
    language: 'de',
    status: index % 10 === 0 ? 'PAUSED' : 'APPROVED',
    components: [{ type: 'BODY', text: `Hello {{1}}, number ${index}` }],
  }));
  await meta.change(`wabas/${wabaId}`, { templates });
  const path = `/v1/credentials/${credential.id}/templates`;
  const list = await api.get<{ items: MessageTemplate[]; nextCursor: null }>(path);
  expect(list.status, list.text).toBe(200);
  expect(list.body.items.map(({ name }) => name)).toEqual(templates.map(({ name }) => name));
  expect(list.body.items[7]).toEqual({ ...templates[7], category: 'UTILITY' });
  const approved = await api.get<{ items: MessageTemplate[] }>(`${path}?status=APPROVED`);
  expect(approved.body.items).toHaveLength(117);
  expect((await meta.calls(`${wabaId}/message_templates`)).length).toBeLessThanOrEqual(4);
  const stranger = await Api.asNewTenant('stranger');
  expectProblem(await stranger.get(path), { status: 404, code: 'not-found' });
});

test('how much of Meta’s limits is used is shown with the credential, once it is half of one', async () => {
  const [api, business] = await Promise.all([Api.asNewTenant('limits'), newBusiness()]);
  const { credential, wabaId } = await connect(api, business);
  const described = () => api.get<Credential>(`/v1/credentials/${credential.id}`);
  expect((await described()).body).not.toHaveProperty('metaUsage');
  const load = { type: 'whatsapp_business_management', call_count: 91, total_cputime: 3, total_time: 4 };
  const usage = JSON.stringify({ [wabaId]: [{ ...load, estimated_time_to_regain_access: 12 }] });
  await using _ = await meta.fault({
    path: `${wabaId}/message_templates`,
    answer: { data: [] },
    status: 200,
    headers: { 'X-Business-Use-Case-Usage': usage },
  });
  expect((await api.get(`/v1/credentials/${credential.id}/templates`)).status).toBe(200);
  const { metaUsage } = (await described()).body;
  expect(metaUsage).toMatchObject({ managementPercent: 91, appPercent: 0 });
  expect(Date.parse(metaUsage?.regainsAccessAt ?? '') - Date.parse(metaUsage?.notedAt ?? '')).toBe(12 * 60_000);
});
