import net from 'node:net';

/** Unit tests reach nothing but this machine. */
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  const [first] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  const options = typeof first === 'object' && first !== null ? first : {};
  // With a lookup of its own a connection goes where the test's resolver says.
  const host = 'host' in options && !('lookup' in options && options.lookup !== undefined) ? options.host : undefined;
  if (typeof host === 'string' && !['localhost', '127.0.0.1', '::1'].includes(host))
    throw new Error('A unit test tried to reach the network');
  return Reflect.apply(connect, this, args) as net.Socket;
} as typeof connect;
