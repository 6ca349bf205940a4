/** A TCP proxy in front of a server, with faults: cut, frozen, refused, slow. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A proxy; every fault holds for open and for new connections until it is taken back. */
export interface FaultProxy extends AsyncDisposable {
  /** The server's URL with the proxy in the place of its host. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Resets every open connection. */
  cut(): void;
  /** Forwards nothing in either direction and closes nothing: a half-open link. */
  freeze(on: boolean): void;
  /** Resets new connections at once. */
  refuse(on: boolean): void;
  /** Holds back what the server answers; what it is asked goes through. */
  mute(on: boolean): void;
  /** The same from the moment that a client has sent these bytes. */
  muteFrom(text: string): void;
  /** Bytes a second from client to server; 0 is no limit. */
  slow(bytesPerSecond: number): void;
  /** Bytes a second from server to client; 0 is no limit. */
  slowAnswers(bytesPerSecond: number): void;
  /** Resets a connection once this many bytes came from the server. */
  cutAfter(bytes: number): void;
  /** Resolves at the next connection, refused ones too. */
  connected(): Promise<void>;
}

const SLICE_MS = 20;

/** Starts a proxy in front of `target`, an `amqp://` or `redis://` URL. */
export async function faultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target.replace(/^\w+:/, 'http:').replace(/\/+$/, '/'));
  const state = { frozen: false, muted: false, refused: false, rate: 0, answerRate: 0, cutAfter: Number.POSITIVE_INFINITY, accepted: 0 };
  let lastWord: string | undefined;
  const pairs = new Set<readonly [Socket, Socket]>();
  const waiting = new Set<() => void>();
  const server = createServer((client) => {
    state.accepted += 1;
    for (const wake of waiting) wake();
    client.on('error', () => undefined);
    if (state.refused) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    upstream.on('error', () => undefined);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on('data', (chunk: Buffer) => {
      if (lastWord !== undefined && chunk.includes(lastWord)) mute(true);
      if (upstream.destroyed) return;
      upstream.write(chunk);
      throttle(client, chunk.length, state.rate, () => !state.frozen);
    });
    upstream.on('data', (chunk: Buffer) => {
      state.cutAfter -= chunk.length;
      if (!client.destroyed) client.write(chunk);
      if (state.cutAfter <= 0) client.resetAndDestroy();
      throttle(upstream, chunk.length, state.answerRate, () => !state.frozen && !state.muted);
    });
    if (state.muted) upstream.pause();
    for (const socket of pair) {
      if (state.frozen) socket.pause();
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  };
  const mute = (on: boolean): void => {
    state.muted = on;
    if (!on) lastWord = undefined;
    for (const [, upstream] of pairs)
      if (on) upstream.pause();
      else if (!state.frozen) upstream.resume();
  };
  return {
    url: target.replace(/(\/\/[^@/]*@)?[^@/]*:\d+/, `$1127.0.0.1:${(server.address() as AddressInfo).port}`),
    get accepted() {
      return state.accepted;
    },
    cut,
    freeze: (on) => {
      state.frozen = on;
      for (const pair of pairs)
        for (const socket of pair)
          if (on) socket.pause();
          else socket.resume();
    },
    mute,
    muteFrom: (text) => (lastWord = text),
    refuse: (on) => (state.refused = on),
    slow: (bytesPerSecond) => (state.rate = bytesPerSecond),
    slowAnswers: (bytesPerSecond) => (state.answerRate = bytesPerSecond),
    cutAfter: (bytes) => (state.cutAfter = bytes),
    connected: () =>
      new Promise((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      }),
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Reads no more for a while when a rate is set; what does not fit stays in the kernel's buffers and pushes back. */
function throttle(from: Socket, bytes: number, rate: number, mayResume: () => boolean): void {
  if (rate === 0) return;
  from.pause();
  setTimeout(
    () => {
      if (mayResume()) from.resume();
    },
    Math.max(SLICE_MS, (bytes * 1000) / rate),
  ).unref();
}
