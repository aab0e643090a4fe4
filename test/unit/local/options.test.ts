import { describe, expect, it } from 'vitest';
import { parseStartOptions, parseTokenOptions } from '../../../infra/local/options.ts';

const known = 'Known options: --port, --graph-url, --public-url, --state-dir, --reset, --help.';

describe('the options of npm start', () => {
  it('has a default for every one', () => {
    expect(parseStartOptions([])).toEqual({ 'state-dir': '.local', reset: false, help: false });
  });

  it('takes each of them', () => {
    const urls = ['--graph-url', 'http://127.0.0.1:9955/', '--public-url', 'https://tunnel.example/'];
    const args = ['--port', '9000', ...urls, '--state-dir=/somewhere', '--reset'];
    expect(parseStartOptions(args)).toEqual({
      port: 9000,
      'graph-url': 'http://127.0.0.1:9955',
      'public-url': 'https://tunnel.example',
      'state-dir': '/somewhere',
      reset: true,
      help: false,
    });
  });

  it.each([
    [['--porto', '1'], `Unknown option --porto. ${known}`],
    [['start'], `Unknown argument "start". ${known}`],
    [['--port'], '--port needs a number.'],
    [['--port', 'abc'], '--port needs a number.'],
    [['--port', '80.5'], '--port needs a whole number.'],
    [['--port', '1023'], '--port must be at least 1024.'],
    [['--port', '65532'], '--port must leave room for 5 ports.'],
    [['--graph-url', 'ftp://example.com'], '--graph-url needs an http or https URL.'],
    [['--graph-url', 'http://example.com/v25.0'], '--graph-url must be scheme, host and port, without a path.'],
    [['--public-url', 'tunnel.example'], '--public-url needs an http or https URL.'],
    [['--public-url', 'http://tunnel.example'], '--public-url must be https: Meta calls nothing else.'],
    [['--public-url', 'http://localhost.example'], '--public-url must be https: Meta calls nothing else.'],
    [['--public-url', 'https://tunnel.example/x'], '--public-url must be scheme, host and port, without a path.'],
    [['--public-url', 'https://me:pw@tunnel.example'], '--public-url must be scheme, host and port, without a path.'],
    [['--state-dir'], '--state-dir needs a folder.'],
    [['--reset=yes'], '--reset takes no value.'],
  ])('refuses %j in one sentence', (args, sentence) => {
    expect(() => parseStartOptions(args)).toThrow(sentence);
  });

  it.each(['http://localhost', 'http://localhost:9999', 'https://tunnel.example:8443'])(
    'accepts %s as public',
    (url) => {
      expect(parseStartOptions(['--public-url', url])['public-url']).toBe(url);
    },
  );

  it('accepts the highest first port that leaves room for all five', () => {
    expect(parseStartOptions(['--port', '65531']).port).toBe(65_531);
  });
});

describe('the options of npm run token', () => {
  it('takes tenant and operator', () => {
    expect(parseTokenOptions(['--tenant', 'acme', '--operator'])).toMatchObject({ tenant: 'acme', operator: true });
  });

  it('shows its help without a tenant', () => {
    expect(parseTokenOptions(['--help']).help).toBe(true);
  });

  it.each([
    [[], '--tenant is required: --tenant NAME.'],
    [['--tenant='], '--tenant needs a name.'],
    [['--tenant', 'acme', '--port', '1'], 'Unknown option --port.'],
  ])('refuses %j in one sentence', (args, sentence) => {
    expect(() => parseTokenOptions(args)).toThrow(sentence);
  });
});
