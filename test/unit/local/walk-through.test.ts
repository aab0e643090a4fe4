import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { walkThrough } from '../../../infra/local/walk-through.ts';

const STACK = {
  api: 'http://localhost:8787',
  console: 'http://localhost:8787/console',
  simulator: 'http://localhost:8789',
  agent: 'http://localhost:8790',
  issuer: 'http://localhost:8791',
  awsEndpoint: 'http://127.0.0.1:8788',
  region: 'us-east-1',
};

describe('the walk-through', () => {
  it('carries a ready token and credentials that the simulator knows', () => {
    const text = walkThrough(STACK, STACK.simulator, 'a.ready.token');
    expect(text).toContain('TOKEN=a.ready.token');
    expect(text).toMatch(/"appId":"\d+","appSecret":"[0-9a-f]{32}","wabaId":"\d+","accessToken":"EAA/);
    expect(text).not.toContain('WARNING');
  });

  it('is a script that a shell understands', () => {
    const text = walkThrough(STACK, STACK.simulator, 't');
    execFileSync('sh', ['-n'], { input: text.slice(text.indexOf('API=')) });
  });

  it('leaves the values open where the simulator is not what answers', () => {
    const text = walkThrough(STACK, 'http://127.0.0.1:9955', 't');
    expect(text).toContain('"appId":"APP_ID","appSecret":"APP_SECRET","wabaId":"WABA_ID","accessToken":"ACCESS_TOKEN"');
    expect(text).not.toContain('WARNING');
  });

  it('warns when the real Meta is connected to an emulator without a password', () => {
    expect(walkThrough(STACK, 'https://graph.facebook.com', 't')).toMatch(/WARNING: .*real Meta/);
  });

  it.each([undefined, STACK.api, 'http://localhost:9999'])('warns that the real Meta can’t reach %s', (publicUrl) => {
    const text = walkThrough(STACK, 'https://graph.facebook.com', 't', publicUrl);
    expect(text).toMatch(/WARNING: Meta can't reach localhost.*\n.*--public-url/);
  });

  it('names the webhooks under the tunnel and everything else on localhost', () => {
    const text = walkThrough(STACK, 'https://graph.facebook.com', 't', 'https://tunnel.example');
    expect(text).toContain('https://tunnel.example/webhooks/');
    expect(text).toContain(`API=${STACK.api}\n`);
    expect(text.match(/tunnel\.example/g)).toHaveLength(1);
    expect(text).not.toContain("can't reach localhost");
  });

  it('does not warn of a name that only ends like Meta’s', () => {
    expect(walkThrough(STACK, 'https://notfacebook.com', 't')).not.toContain('WARNING');
  });
});
