/** A private Redis on a free port, without persistence. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findExecutable } from './find.ts';
import { answers, freePort } from './ports.ts';
import { spawnReady } from './process.ts';
import type { Child } from './process.ts';
import type { Server } from './server.ts';
import { serverOf } from './server.ts';

/** The server binary, Redis or Valkey. */
export function redisBinary(): Promise<string | undefined> {
  return findExecutable(['redis-server', '/usr/bin/redis-server', '/opt/homebrew/bin/redis-server', 'valkey-server']);
}

/** A server of our own: it can be killed, and started again on its port with nothing in it. */
export interface RedisNode extends Server {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a server, behind a password where one is given, and resolves when it answers PING. */
export async function startRedis(binary: string, { password }: { readonly password?: string } = {}): Promise<RedisNode> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-redis-'));
  const port = await freePort();
  const lock = password === undefined ? [] : ['--requirepass', password];
  const launch = (): Promise<Child> =>
    spawnReady(binary, {
      args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...lock],
      cwd: folder,
      probe: () => answers(port, Buffer.from('PING\r\n'), (bytes) => /^(\+PONG|-NOAUTH)/.test(bytes.toString('latin1'))),
    });
  let child = await launch();
  const login = password === undefined ? '' : `:${password}@`;
  const server = serverOf(`redis://${login}127.0.0.1:${port}/0`, 'binary', async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { ...server, kill: () => child.stop('SIGKILL'), start: async () => void (child = await launch()) };
}
