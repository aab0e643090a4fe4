import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaultProvider } from '../../infra/constructs/environment-credentials.ts';

afterEach(() => vi.unstubAllEnvs());

const environment = (id: string, secret: string, token: string) => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', id);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  vi.stubEnv('AWS_SESSION_TOKEN', token);
};

describe('the credentials of a function', () => {
  it('are those of its role, which Lambda puts into the environment', async () => {
    environment('id', 'secret', 'token');
    await expect(defaultProvider()()).resolves.toEqual({
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      sessionToken: 'token',
    });
  });

  it('may have no session token, as an emulator gives them', async () => {
    environment('id', 'secret', '');
    await expect(defaultProvider()()).resolves.toEqual({ accessKeyId: 'id', secretAccessKey: 'secret' });
  });

  it.each([
    ['', 'secret'],
    ['id', ''],
  ])('are refused where the environment holds but one half of them, without naming it', async (id, secret) => {
    environment(id, secret, 'token');
    await expect(defaultProvider()()).rejects.toThrow(/^The environment holds no AWS credentials\.$/);
  });
});
