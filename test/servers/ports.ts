/** Free ports, and questions asked of a port. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP port on the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Whether the first bytes that `port` answers to `hello` satisfy `accept` within two seconds. */
export function answers(port: number, hello: Uint8Array, accept: (bytes: Buffer) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(hello));
    const end = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2000, () => end(false));
    socket.once('data', (bytes: Buffer) => end(accept(bytes)));
    socket.once('error', () => end(false));
    socket.once('close', () => resolve(false));
  });
}
