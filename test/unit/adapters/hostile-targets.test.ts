import { describe, expect, test } from 'vitest';
import { agentDispatcher } from '../../../shared/adapters/agent-dispatcher.ts';
import { isPublicAddress, type Resolver, targetProblem, targetRefusal } from '../../../shared/adapters/public-host.ts';
import type { AgentEvent } from '../../../shared/contracts/agent-event.ts';
import { publicHosts } from '../../support/public-host.ts';

// What a tenant may write down as the target of an agent to make us reach what only we can reach. Each is refused when it is saved, and
// once more when it is dispatched to: a row may be older than a rule, and a name may point elsewhere by then.

const onAws = { allowLoopback: false };
const secret = Buffer.from('a signing secret with 32 bytes!!');
const event = { type: 'whatsapp.message.received', data: { eventId: 'evt_1' } } as unknown as AgentEvent;
const aPublicAddress = '93.184.215.14';
const pointingTo =
  (...addresses: readonly string[]): Resolver =>
  () =>
    Promise.resolve(addresses);

/** Refused as it is written, wherever it would lead. */
const writtenWrong: Readonly<Record<string, readonly string[]>> = {
  'an IPv4 address': ['https://10.0.0.1/', 'https://93.184.215.14/', 'https://169.254.169.254/latest/meta-data/'],
  'an IPv4 address in octal': ['https://0251.0376.0251.0376/', 'https://012.0.0.1/'],
  'an IPv4 address in hexadecimal': ['https://0xa9.0xfe.0xa9.0xfe/', 'https://0xa9fea9fe/', 'https://0x7f.1/'],
  'an IPv4 address as one number': ['https://2852039166/', 'https://2130706433/', 'https://017700000001/'],
  'an IPv4 address in short': ['https://127.1/', 'https://10.1/', 'https://169.254.43518/', 'https://0/'],
  'an IPv4 address, percent-encoded': ['https://%31%30.0.0.1/', 'https://169%2e254%2e169%2e254/'],
  'an IPv4 address in full-width characters': [
    'https://１０.０.０.１/',
    'https://169。254。169。254/',
    'https://①②⑦.⓪.⓪.①/',
  ],
  'an IPv4 address with a dot behind it': ['https://10.0.0.1./', 'https://2852039166./'],
  'an IPv6 address': [
    'https://[::1]/',
    'https://[fd00:ec2::254]/',
    'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/',
  ],
  'an IPv4 address in an IPv6 one': [
    'https://[::ffff:169.254.169.254]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[::10.0.0.1]/',
  ],
  'an IPv4 address behind NAT64, 6to4 or Teredo': [
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[2002:a9fe:a9fe::]/',
    'https://[2001::1]/',
  ],
  'an address with a zone': ['https://[fe80::1%25eth0]/', 'https://[fe80::1%eth0]/'],
  'this machine': [
    'https://localhost/',
    'https://LOCALHOST./',
    'https://a.localhost/',
    'https://127.0.0.2/',
    'https://0.0.0.0/',
  ],
  'a name of an inner network': [
    'https://intranet/',
    'https://instance-data.ec2.internal/',
    'https://metadata.google.internal/',
    'https://printer.local/',
    'https://nas.home.arpa/',
    'https://db.corp/',
    'https://localhost.localdomain/',
  ],
  'a name with a dot behind it': ['https://agent.example./', 'https://printer.local./'],
  'a user name or a password': [
    'https://user@agent.example/',
    'https://user:password@agent.example/',
    'https://agent.example@169.254.169.254/',
    'https://agent.example%40@10.0.0.1/',
  ],
  'another port': [
    'https://agent.example:22/',
    'https://agent.example:25/',
    'https://agent.example:80/',
    'https://agent.example:6379/',
    'https://agent.example:65535/',
  ],
  'another scheme': [
    'http://agent.example/',
    'http://169.254.169.254/',
    'ftp://agent.example/',
    'file:///etc/passwd',
    'gopher://agent.example/',
    'javascript:alert(1)',
    'data:text/plain,hello',
    'wss://agent.example/',
  ],
  'an address that something behind it hides': [
    'https:\\\\10.0.0.1\\',
    'https://10.0.0.1\\@agent.example/',
    'https://10.0.0.1#@agent.example/',
    'https://10.0.0.1?@agent.example/',
  ],
  'no URL at all': [
    '',
    'agent.example',
    '//agent.example/',
    'https://',
    'https://[::1',
    'https://agent example/',
    'https://agent.example:99999/',
  ],
};

/** Written well, and refused for where its name leads. */
const leadingWrong: Readonly<Record<string, readonly string[]>> = {
  'the metadata service': ['169.254.169.254'],
  'the metadata service, by IPv6': ['fd00:ec2::254'],
  'the credentials of containers': ['169.254.170.2'],
  'a private network (10/8)': ['10.0.0.1'],
  'a private network (172.16/12)': ['172.31.255.254'],
  'a private network (192.168/16)': ['192.168.1.1'],
  'this machine': ['127.0.0.1'],
  'another address of this machine': ['127.255.255.254'],
  'this machine, by IPv6': ['::1'],
  'no address in particular': ['0.0.0.0'],
  'no address in particular, by IPv6': ['::'],
  'this network': ['0.1.2.3'],
  'a shared network (100.64/10)': ['100.64.0.1'],
  'a link': ['fe80::1'],
  'a link, with its zone': ['fe80::1%eth0'],
  'a site': ['fec0::1'],
  'a unique local address': ['fc00::1'],
  'a group': ['224.0.0.1'],
  'a group, by IPv6': ['ff02::1'],
  everybody: ['255.255.255.255'],
  'a reserved network': ['240.0.0.1'],
  'protocol assignments': ['192.0.0.8'],
  'a network for benchmarks': ['198.18.0.1'],
  'a network for benchmarks, by IPv6': ['2001:2::1'],
  'a network for documentation': ['203.0.113.7'],
  'another network for documentation': ['198.51.100.7'],
  'a third network for documentation': ['192.0.2.7'],
  'a network for documentation, by IPv6': ['2001:db8::1'],
  'the new network for documentation, by IPv6': ['3fff::1'],
  'a 6to4 relay': ['192.88.99.1'],
  'an IPv4 address in IPv6 clothes': ['::ffff:10.0.0.1'],
  'a public IPv4 address in IPv6 clothes': ['::ffff:93.184.215.14'],
  'an IPv4 address, compatible': ['::a00:1'],
  'an IPv4 address, translated': ['::ffff:0:a00:1'],
  'an IPv4 address behind NAT64': ['64:ff9b::a00:1'],
  'an IPv4 address behind a NAT64 of its own': ['64:ff9b:1::a00:1'],
  'an IPv4 address by 6to4': ['2002:a00:1::1'],
  'an IPv4 address by Teredo': ['2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'a hole': ['100::1'],
  'what IANA has not given out': ['4000::1'],
  'no address but a word': ['localhost'],
  'nothing but a number': ['2130706433'],
  'a public address and a private one': [aPublicAddress, '10.0.0.1'],
  'a private address and a public one': ['10.0.0.1', aPublicAddress],
  'a public address and a private one by IPv6': [aPublicAddress, 'fd00::1'],
};

const written = Object.entries(writtenWrong).flatMap(([what, urls]) => urls.map((url) => ({ what, url })));
const leading = Object.entries(leadingWrong).map(([where, addresses]) => ({ where, addresses }));

test('the table of hostile targets is not a short one', () => {
  expect(written.length + leading.length).toBeGreaterThan(40);
  expect(new Set(written.map(({ url }) => url)).size).toBe(written.length);
});

describe.each(written)('a target that is $what, $url', ({ url }) => {
  const target = { type: 'https', url } as const;

  test('is refused when it is saved, on AWS and locally', async () => {
    expect(await targetRefusal(url, onAws, pointingTo(aPublicAddress))).toMatch(/\w/);
    expect(targetProblem(url, { allowLoopback: true })).toMatch(/\w/);
  });

  test('is refused when it is dispatched to, without asking a name server or dialling', async () => {
    const asked: string[] = [];
    await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end());
    const dispatcher = agentDispatcher(onAws, (name) =>
      Promise.resolve([asked.push(name), aPublicAddress].map(String)),
    );
    expect(await dispatcher.dispatch({ target }, event, [secret])).toEqual({
      outcome: 'failed',
      reason: 'target-refused',
    });
    expect([...asked, ...hosts.dialled]).toEqual([]);
  });
});

describe.each(leading)('a target whose name leads to $where', ({ addresses }) => {
  const target = { type: 'https', url: 'https://agent.example/events' } as const;

  test('is refused when it is saved', async () => {
    expect(await targetRefusal(target.url, onAws, pointingTo(...addresses))).toMatch(/public address/);
  });

  test('is refused when it is dispatched to, and nothing is dialled', async () => {
    await using hosts = await publicHosts(['agent.example'], (_request, response) => response.end());
    expect(await agentDispatcher(onAws, pointingTo(...addresses)).dispatch({ target }, event, [secret])).toEqual({
      outcome: 'failed',
      reason: 'address-not-public',
    });
    expect(hosts.dialled).toEqual([]);
  });

  test('is refused in the local stage too', async () => {
    expect(await targetRefusal(target.url, { allowLoopback: true }, pointingTo(...addresses))).toMatch(
      /public address/,
    );
  });
});

describe('what stands just outside of it is taken', () => {
  test.each([
    '9.255.255.255',
    '11.0.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '192.169.0.1',
    '198.17.255.255',
    '198.20.0.1',
    '223.255.255.255',
    '2003::1',
    '2606:2800:21f:cb07:6820:80da:af6b:8b2c',
    '2a00:1450:4001:80b::200e',
  ])('the address %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    'https://agent.example/',
    'https://agent.example:443/',
    'https://agent.example:8443/events?x=1',
    'https://localhost.agent.example/',
    'https://internal.agent.example/',
    'https://xn--grn-ioa.example/',
    'https://10.0.0.1.agent.example/',
  ])('the target %s', async (url) => {
    expect(await targetRefusal(url, onAws, pointingTo(aPublicAddress))).toBeUndefined();
  });

  test('a host that does not resolve yet: the dispatch will see', async () => {
    expect(await targetRefusal('https://agent.example/', onAws, () => Promise.reject(new Error('ENOTFOUND')))).toBe(
      undefined,
    );
  });

  test('a host whose name server does not answer, before the request has waited too long', async () => {
    expect(await targetRefusal('https://agent.example/', onAws, () => new Promise(() => undefined))).toBeUndefined();
  });
});
