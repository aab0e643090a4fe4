import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACME, appToken, GLOBEX, proofOf, simulatorForTests, type TestSimulator, tokenOf } from './harness.ts';

let simulator: TestSimulator;
beforeAll(async () => {
  simulator = await simulatorForTests();
});
afterAll(() => simulator.close());

const read = (as: string | undefined, query = '') =>
  simulator.graph('GET', `${ACME.shop}?fields=id${query}`, as === undefined ? {} : { as });

describe('access tokens', () => {
  it('are taken from the Authorization header and from the parameter', async () => {
    expect((await read('acme-good')).body).toEqual({ id: ACME.shop });
    const inUrl = await read(undefined, `&access_token=${tokenOf('acme-good')}`);
    expect(inUrl.status).toBe(200);
  });

  it.each([
    ['acme-expired', 463, /Session has expired on Tuesday, 14-Nov-23 14:13:20 PST\. The current time is/],
    ['acme-revoked', 467, /logged out/],
    ['acme-password-changed', 460, /changed their password/],
  ])('%s is refused with 190 and subcode %i', async (name, subcode, message) => {
    const { status, headers, body } = await read(name);
    expect(status).toBe(401);
    expect(body.error).toMatchObject({ type: 'OAuthException', code: 190, error_subcode: subcode });
    expect(body.error.message).toMatch(message);
    expect(body.error.fbtrace_id).toMatch(/^A[\w-]{20,}$/);
    expect(headers.get('www-authenticate')).toContain('invalid_token');
  });

  it('a garbage token is 190 without a subcode', async () => {
    const { body } = await read('EAAgarbage');
    expect(body.error).toMatchObject({ code: 190, message: 'Invalid OAuth access token - Cannot parse access token' });
    expect(body.error).not.toHaveProperty('error_subcode');
  });

  it('no token at all is 104', async () => {
    expect((await read(undefined)).body.error.code).toBe(104);
  });

  it('an app token with a wrong secret is code 1, of an unknown app 101', async () => {
    const wrong = await read(`${ACME.app}|00000000000000000000000000000000`);
    expect(wrong).toMatchObject({
      status: 400,
      body: { error: { code: 1, type: 'OAuthException', message: 'Error validating client secret.' } },
    });
    expect((await read('42|00000000000000000000000000000000')).body.error.code).toBe(101);
  });

  it('a WABA that the token was not given looks as if it did not exist', async () => {
    for (const name of ['acme-no-asset', 'globex-good', `app:${ACME.app}`]) {
      const proof = name === 'globex-good' ? `&appsecret_proof=${proofOf(GLOBEX.app, tokenOf(name))}` : '';
      const { status, body } = await read(name, proof);
      expect(status).toBe(400);
      expect(body.error).toMatchObject({ type: 'GraphMethodException', code: 100, error_subcode: 33 });
    }
  });

  it('a missing permission is 200 for management and 10 for messaging', async () => {
    expect(await read('acme-no-management')).toMatchObject({ status: 403, body: { error: { code: 200 } } });
    const json = { messaging_product: 'whatsapp', to: '15550100202', text: { body: 'x' } };
    const sent = await simulator.graph('POST', `${ACME.phone}/messages`, { as: 'acme-no-messaging', json });
    expect(sent).toMatchObject({ status: 403, body: { error: { code: 10 } } });
  });

  it('a permission that stands only in scopes works', async () => {
    const json = { messaging_product: 'whatsapp', to: '15550100202', text: { body: 'x' } };
    expect((await simulator.graph('POST', `${ACME.phone}/messages`, { as: 'acme-scopes-only', json })).status).toBe(
      200,
    );
  });
});

describe('appsecret_proof', () => {
  it('is accepted when right, though nobody asked for it', async () => {
    expect((await read('acme-good', `&appsecret_proof=${proofOf(ACME.app, tokenOf('acme-good'))}`)).status).toBe(200);
  });

  it.each([
    ['of another app', proofOf(GLOBEX.app, tokenOf('acme-good'))],
    ['cut off', proofOf(ACME.app, tokenOf('acme-good')).slice(0, 63)],
    ['empty', ''],
  ])('%s is 100 GraphMethodException without a subcode', async (_, proof) => {
    const { status, body } = await read('acme-good', `&appsecret_proof=${proof}`);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      type: 'GraphMethodException',
      code: 100,
      message: 'Invalid appsecret_proof provided in the API argument',
    });
    expect(body.error).not.toHaveProperty('error_subcode');
  });

  it('is demanded by an app that requires it, in query or body', async () => {
    const missing = await simulator.graph('GET', GLOBEX.waba, { as: 'globex-good' });
    expect(missing).toMatchObject({
      status: 400,
      body: {
        error: {
          type: 'GraphMethodException',
          code: 100,
          message: 'API calls from the server require an appsecret_proof argument',
        },
      },
    });
    const proof = proofOf(GLOBEX.app, tokenOf('globex-good'));
    expect(
      (await simulator.graph('GET', `${GLOBEX.waba}?appsecret_proof=${proof}`, { as: 'globex-good' })).status,
    ).toBe(200);
    const json = { messaging_product: 'whatsapp', to: '15550100202', text: { body: 'x' }, appsecret_proof: proof };
    expect((await simulator.graph('POST', `${GLOBEX.phone}/messages`, { as: 'globex-good', json })).status).toBe(200);
  });
});

describe('oauth/access_token', () => {
  const issue = (secret: string, id: string = ACME.app) =>
    simulator.graph('GET', `oauth/access_token?grant_type=client_credentials&client_id=${id}&client_secret=${secret}`);

  it('gives the app token for the right secret', async () => {
    expect((await issue(appToken(ACME.app).split('|')[1] ?? '')).body).toEqual({
      access_token: appToken(ACME.app),
      token_type: 'bearer',
    });
  });

  it('refuses a wrong secret with 1 and an unknown app with 101', async () => {
    expect((await issue('wrong')).body.error.code).toBe(1);
    expect((await issue('wrong', '42')).body.error.code).toBe(101);
  });
});

describe('debug_token', () => {
  const inspect = (input: string, as: string) =>
    simulator.graph('GET', `debug_token?input_token=${encodeURIComponent(tokenOf(input) || input)}`, { as });

  it('gives the facts of a token of the same app, 0 meaning that it never expires', async () => {
    const { status, body } = await inspect('acme-good', `app:${ACME.app}`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      app_id: ACME.app,
      type: 'SYSTEM_USER',
      is_valid: true,
      expires_at: 0,
      data_access_expires_at: 0,
    });
    expect(body.data.granular_scopes[0]).toEqual({
      scope: 'whatsapp_business_management',
      target_ids: [ACME.shop, ACME.service],
    });
  });

  it('leaves target_ids out for "all", and a permission may stand in scopes alone', async () => {
    expect((await inspect('acme-no-asset', `app:${ACME.app}`)).body.data.granular_scopes).toEqual([
      { scope: 'whatsapp_business_management' },
      { scope: 'whatsapp_business_messaging' },
    ]);
    const { data } = (await inspect('acme-scopes-only', `app:${ACME.app}`)).body;
    expect(data.scopes).toContain('whatsapp_business_messaging');
    expect(data.granular_scopes).toHaveLength(1);
  });

  it('answers 200 for a dead token, with is_valid false and the reason', async () => {
    const { status, body } = await inspect('acme-expired', `app:${ACME.app}`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ is_valid: false, error: { code: 190, subcode: 463 } });
    expect((await inspect('EAAgarbage', `app:${ACME.app}`)).body.data).toMatchObject({
      is_valid: false,
      error: { code: 190 },
    });
  });

  it('answers 200 with code 100 for a token of another app', async () => {
    const { status, body } = await inspect('globex-good', `app:${ACME.app}`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ is_valid: false, error: { code: 100 } });
    expect(body.data.error.message).toContain('did not match the Viewing App');
  });

  it('lets a token inspect itself, but no other', async () => {
    expect((await inspect('acme-good', 'acme-good')).body.data.is_valid).toBe(true);
    expect(await inspect('acme-no-asset', 'acme-good')).toMatchObject({ status: 400, body: { error: { code: 100 } } });
  });
});
