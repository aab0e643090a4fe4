import { Resolver as NameServers } from 'node:dns/promises';
import { isIPv6, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

// What stands between a URL that a tenant has chosen and the networks that only we can reach (docs/adr/0015).

export interface TargetRules {
  /** The local stage alone: agents on this machine over plain http. */
  readonly allowLoopback: boolean;
}

/** What HTTPS is served on. Every other port is refused: our addresses shall not knock at the doors of other people's services. */
const allowedPorts = ['', '8443'];

/** Names that mean something only inside of a network (RFC 6761, RFC 6762, RFC 8375, and what clouds and companies use). */
const innerNames = /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/**
 * Why a target URL is not allowed, or undefined: https only, a public host name (no address in any spelling), a port that is meant for
 * it, no user or password. The parser writes every spelling of an IPv4 address (decimal, octal, hexadecimal, short, percent-encoded,
 * full-width) as four numbers, and connections are made with the same parser's result. Whether the addresses of the
 * host are public is decided at each connection.
 */
export const targetProblem = (target: string, rules: TargetRules): string | undefined => {
  if (!URL.canParse(target)) return 'This is not a URL.';
  const url = new URL(target);
  if (url.username !== '' || url.password !== '') return 'The URL may not hold a user name or password.';
  if (isLoopback(url)) {
    if (!rules.allowLoopback) return 'The URL must name a public host, not an address of this machine.';
    return url.protocol === 'http:' ? undefined : 'A URL on this machine must begin with http://.';
  }
  if (url.protocol !== 'https:') return 'The URL must begin with https://.';
  if (ipaddr.isValid(url.hostname.replace(/^\[|\]$/g, ''))) return 'The URL must name a host, not an IP address.';
  if (!url.hostname.includes('.') || url.hostname.endsWith('.') || innerNames.test(url.hostname))
    return 'The URL must name a public host.';
  if (!allowedPorts.includes(url.port)) return 'The port of the URL must be 443 or 8443.';
  return undefined;
};

/** How long a request waits for name servers to say where a host is. In milliseconds. */
const saveTimeout = 3_000;

/** The same with a look at where the host points to now. A host that does not resolve yet is left to the dispatch. */
export const targetRefusal = async (
  target: string,
  rules: TargetRules,
  resolve: Resolver = nameServers(),
): Promise<string | undefined> => {
  const problem = targetProblem(target, rules);
  if (problem !== undefined || isLoopback(new URL(target))) return problem;
  const timeIsUp = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(timeIsUp.resolve, saveTimeout, []);
  const addresses = await Promise.race([resolve(new URL(target).hostname), timeIsUp.promise]).catch(() => []);
  clearTimeout(timer);
  return addresses.every(isPublicAddress) ? undefined : 'The host of the URL does not have a public address.';
};

const isLoopback = (url: URL): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);

/** IANA has given out nothing but this for unicast on the IPv6 internet ("Internet Protocol Version 6 Address Space"). */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is one of the public internet and nothing else: not private, shared (100.64/10), link-local, loopback, multicast,
 * unspecified, reserved or for documentation, nor an IPv6 address that stands for an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo).
 */
export const isPublicAddress = (text: string): boolean => {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast);
};

/** The addresses of a host. Rejects where it has none. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

/** How long a name server is waited for, the first time, and how often it is asked. In milliseconds. */
const nameServerTimeout = 2_000;
const nameServerTries = 2;

/**
 * Asks the name servers, always for both kinds of address. Why not `dns.lookup`: it answers from /etc/hosts, appends search domains, and
 * keeps one of the four threads that all look-ups share for as long as a tenant's name server likes.
 */
export const nameServers = (): Resolver => {
  const servers = new NameServers({ timeout: nameServerTimeout, tries: nameServerTries });
  return async (hostname) => {
    const [four, six] = await Promise.allSettled([servers.resolve4(hostname), servers.resolve6(hostname)]);
    const found = [four, six].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length === 0 && four.status === 'rejected') throw four.reason;
    return found;
  };
};

/** A host may resolve to several addresses: all must be public, and the connection goes to one of just these. */
export const publicOnly =
  (resolve: Resolver): LookupFunction =>
  (hostname, options, callback) => {
    const refuse = (error: NodeJS.ErrnoException) => callback(error, []);
    const answer = (addresses: readonly string[]) => {
      const [first] = addresses;
      if (first === undefined || !addresses.every(isPublicAddress))
        refuse(Object.assign(new Error(notPublic), { code: notPublic }));
      else if (options.all) callback(null, addresses.map(withFamily));
      else callback(null, first, withFamily(first).family);
    };
    resolve(hostname).then(answer, refuse);
  };

const notPublic = 'address-not-public';

const withFamily = (address: string) => ({ address, family: isIPv6(address) ? 6 : 4 });
