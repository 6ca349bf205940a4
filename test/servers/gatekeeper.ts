import { createServer, connect as connectSocket } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';

/** The way to a server, under a test's control. */
export interface Gatekeeper extends AsyncDisposable {
  readonly url: string;
  /** Cuts connections and refuses new ones. */
  shut(): void;
  /** Keeps connections and carries nothing any more. */
  freeze(): void;
  open(): void;
  /** Resolves when somebody was refused. */
  refused(): Promise<void>;
}

/** A TCP proxy that can be shut: connections are cut and new ones refused. */
export async function gatekeeper(target: string): Promise<Gatekeeper> {
  const { hostname, port } = parseBrokerUrl(target);
  const sockets = new Set<Socket>();
  let isShut = false;
  let onRefused: (() => void) | undefined;
  const proxy = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isShut) {
      socket.destroy();
      onRefused?.();
      return;
    }
    const upstream = connectSocket(port ?? 5672, hostname).on('error', () => undefined);
    sockets.add(socket).add(upstream);
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const shut = (): void => {
    isShut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: target.replace(/@[^/]*/, `@127.0.0.1:${(proxy.address() as AddressInfo).port}`),
    shut,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    open: () => (isShut = false),
    refused: () => new Promise((resolve) => (onRefused = resolve)),
    [Symbol.asyncDispose]: async () => {
      shut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
