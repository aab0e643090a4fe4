import net from 'node:net';

/** Unit tests reach nothing but this machine. */
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  const [first] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  const host = typeof first === 'object' && first !== null && 'host' in first ? first.host : undefined;
  if (typeof host === 'string' && !['localhost', '127.0.0.1', '::1'].includes(host))
    throw new Error('A unit test tried to reach the network');
  return Reflect.apply(connect, this, args) as net.Socket;
} as typeof connect;
