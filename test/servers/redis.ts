/** A private Redis on a free port, without persistence. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findExecutable } from './find.ts';
import { answers, freePort } from './ports.ts';
import { spawnReady } from './process.ts';
import type { Server } from './server.ts';
import { serverOf } from './server.ts';

/** The server binary, Redis or Valkey. */
export function redisBinary(): Promise<string | undefined> {
  return findExecutable(['redis-server', '/usr/bin/redis-server', '/opt/homebrew/bin/redis-server', 'valkey-server']);
}

/** Starts a server and resolves when it answers PING. */
export async function startRedis(binary: string): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-redis-'));
  const port = await freePort();
  const child = await spawnReady(binary, {
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    cwd: folder,
    probe: () => answers(port, Buffer.from('PING\r\n'), (bytes) => bytes.toString('latin1').startsWith('+PONG')),
  });
  return serverOf(`redis://127.0.0.1:${port}/0`, 'binary', async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  });
}
