import type { LookupAddress, LookupOptions } from 'node:dns';
import type http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type LookupFunction } from 'node:net';
import tls from 'node:tls';
import { selfSigned } from './self-signed.ts';

type Connect = typeof net.Socket.prototype.connect;

/**
 * Hosts of the public internet, for one test: whatever dials 443 or 8443 of an address that was looked up ends at one TLS server on
 * loopback. Look-ups, their judgement and certificates are the real thing; only the wire is bent, below all of it.
 */
export const publicHosts = async (names: readonly string[], serve: http.RequestListener) => {
  const identity = selfSigned(...names);
  const server = https.createServer(identity, serve);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const authorities = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...authorities, identity.cert]);
  /** Addresses that were dialled, with their ports. */
  const dialled: string[] = [];
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const options = args[0] as net.TcpSocketConnectOpts;
    const lookup = options.lookup;
    if (![443, 8443].includes(Number(options.port)) || lookup === undefined)
      return Reflect.apply(connect, this, args) as net.Socket;
    const bent = {
      ...options,
      port,
      lookup: endingHere(lookup, (address) => dialled.push(`${address} ${options.port}`)),
    };
    return Reflect.apply(connect, this, [bent, ...args.slice(1)]) as net.Socket;
  } as Connect;
  return {
    dialled,
    [Symbol.asyncDispose]: async () => {
      net.Socket.prototype.connect = connect;
      tls.setDefaultCACertificates(authorities);
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
};

const endingHere =
  (lookup: LookupFunction, dial: (address: string) => void): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, options, (error, found, family) => {
      if (error) return callback(error, found, family);
      for (const { address } of [found].flat().map(asAddress)) dial(address);
      return (options as LookupOptions).all === true
        ? callback(null, [{ address: '127.0.0.1', family: 4 }])
        : callback(null, '127.0.0.1', 4);
    });

const asAddress = (found: string | LookupAddress): { readonly address: string } =>
  typeof found === 'string' ? { address: found } : found;
