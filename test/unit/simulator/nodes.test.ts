import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACME, ACME_PHONES, simulatorForTests, type TestSimulator, UNREGISTERED_PHONE } from './harness.ts';

let simulator: TestSimulator;
beforeAll(async () => {
  simulator = await simulatorForTests();
});
afterAll(() => simulator.close());

const get = (path: string, as = 'acme-good') => simulator.graph('GET', path, { as });

describe('the WABA node', () => {
  it('answers the fields that were asked for, and always the id', async () => {
    const { body } = await get(`${ACME.shop}?fields=name,currency`);
    expect(body).toEqual({ name: 'Acme Shop', currency: 'USD', id: ACME.shop });
  });

  it('fails the whole call for an unknown field', async () => {
    const { status, body } = await get(`${ACME.shop}?fields=name,colour`);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      code: 100,
      message: '(#100) Tried accessing nonexistent field (colour) on node type (WhatsAppBusinessAccount)',
    });
  });

  it('expands its phone numbers inside fields', async () => {
    const { body } = await get(`${ACME.shop}?fields=id,phone_numbers{id,status}`);
    expect(body.phone_numbers.data).toEqual(ACME_PHONES.map((id) => ({ id, status: 'CONNECTED' })));
  });

  it('answers with and without a version, and with usage headers', async () => {
    const headers = { authorization: `Bearer ${(await simulator.control('GET', '/state')).body.tokens[0].value}` };
    const response = await fetch(`${simulator.url}/${ACME.shop}`, { headers });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.headers.get('x-app-usage') ?? '')).toHaveProperty('call_count');
    expect(JSON.parse(response.headers.get('x-business-use-case-usage') ?? '')).toHaveProperty(ACME.shop);
  });
});

describe('the phone numbers of a WABA', () => {
  it('come in pages whose next link carries no proof', async () => {
    const token = (await simulator.control('GET', '/state')).body.tokens[0].value;
    const first = await get(`${ACME.shop}/phone_numbers?limit=1&fields=id&appsecret_proof=${'0'.repeat(64)}`);
    expect(first.body.error.code).toBe(100);
    const page = await get(`${ACME.shop}/phone_numbers?limit=1&fields=id`);
    expect(page.body.data).toEqual([{ id: ACME_PHONES[0] }]);
    expect(page.body.paging.next).not.toContain('appsecret_proof');
    const next = await fetch(String(page.body.paging.next), { headers: { authorization: `Bearer ${token}` } });
    const last = (await next.json()) as { data: unknown; paging: Record<string, unknown> };
    expect(last.data).toEqual([{ id: ACME_PHONES[1] }]);
    expect(last.paging).not.toHaveProperty('next');
    const back = await get(
      `${ACME.shop}/phone_numbers?limit=1&fields=id&after=${encodeURIComponent(String(page.body.paging.cursors.after))}`,
    );
    expect(back.body.data).toEqual([{ id: ACME_PHONES[1] }]);
  });

  it('refuse an unknown field and a made-up cursor', async () => {
    expect((await get(`${ACME.shop}/phone_numbers?fields=id,nope`)).body.error.message).toContain(
      'WhatsAppBusinessPhoneNumber',
    );
    expect((await get(`${ACME.shop}/phone_numbers?after=nope`)).body.error.code).toBe(100);
  });

  it('know the messaging limit from v24.0 on', async () => {
    const field = 'whatsapp_business_manager_messaging_limit';
    expect((await get(`${ACME.phone}?fields=${field}`)).body[field]).toBe('TIER_250');
    const token = (await simulator.control('GET', '/state')).body.tokens[0].value;
    const old = await fetch(`${simulator.url}/v23.0/${ACME.phone}?fields=${field}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(old.status).toBe(400);
  });
});

describe('the phone node', () => {
  it('shows an unregistered number as not on the platform and blocked', async () => {
    const { body } = await get(`${UNREGISTERED_PHONE}?fields=platform_type,health_status,status`);
    expect(body.platform_type).toBe('NOT_APPLICABLE');
    expect(body.health_status.can_send_message).toBe('BLOCKED');
    expect(body.health_status.entities.map((entity: { entity_type: string }) => entity.entity_type)).toEqual([
      'PHONE_NUMBER',
      'WABA',
      'BUSINESS',
      'APP',
    ]);
    expect(body.health_status.entities[0].errors[0]).toHaveProperty('possible_solution');
  });

  it('takes the worst of the entities for the whole', async () => {
    await simulator.control('PATCH', `/wabas/${ACME.shop}`, { healthOfSending: 'LIMITED' });
    const { body } = await get(`${ACME.phone}?fields=health_status`);
    expect(body.health_status.can_send_message).toBe('LIMITED');
    expect(body.health_status.entities[1].additional_info).toHaveLength(1);
    await simulator.control('PATCH', `/wabas/${ACME.shop}`, { healthOfSending: 'AVAILABLE' });
  });

  it('registers with a PIN of six digits, which must then be the same', async () => {
    const register = (pin: string) =>
      simulator.graph('POST', `${UNREGISTERED_PHONE}/register`, {
        as: 'acme-good',
        json: { messaging_product: 'whatsapp', pin },
      });
    expect((await register('12345')).body.error.code).toBe(100);
    expect((await register('123456')).body).toEqual({ success: true });
    expect((await register('654321')).body.error).toMatchObject({
      code: 133005,
      error_data: { messaging_product: 'whatsapp' },
    });
    const { body } = await get(`${UNREGISTERED_PHONE}?fields=platform_type,is_pin_enabled,status`);
    expect(body).toMatchObject({ platform_type: 'CLOUD_API', is_pin_enabled: true, status: 'CONNECTED' });
  });
});

describe('what does not exist', () => {
  it('is 100/33 as an id, 2500 as an edge, 803 as a name', async () => {
    expect((await get('123456')).body.error).toMatchObject({ code: 100, error_subcode: 33 });
    expect((await get(`${ACME.shop}/nothing`)).body.error).toMatchObject({
      code: 2500,
      message: 'Unknown path components: /nothing',
    });
    expect(await get('nobody')).toMatchObject({ status: 404, body: { error: { code: 803 } } });
    expect((await simulator.graph('POST', `${ACME.shop}/phone_numbers`, { as: 'acme-good' })).body.error).toMatchObject(
      { error_subcode: 33 },
    );
  });
});
