/** A private RabbitMQ node: free ports, a folder of its own, nothing shared with a system service. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findExecutable } from './find.ts';
import { answers, freePort } from './ports.ts';
import { spawnReady } from './process.ts';
import type { Server } from './server.ts';
import { serverOf } from './server.ts';

/** Where packages put the server itself. Debian's wrapper in /usr/sbin switches user, so it comes last. */
export function rabbitmqBinary(): Promise<string | undefined> {
  return findExecutable([
    '/usr/lib/rabbitmq/bin/rabbitmq-server',
    '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server',
    '/usr/local/opt/rabbitmq/sbin/rabbitmq-server',
    'rabbitmq-server',
    '/usr/sbin/rabbitmq-server',
  ]);
}

/** Starts a node, with lines of configuration of its own, and resolves when it answers an AMQP handshake. */
export async function startRabbitmq(
  binary: string,
  { config = '', erlangArgs = '' }: { readonly config?: string; readonly erlangArgs?: string } = {},
): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-rabbitmq-'));
  const [port, distPort] = [await freePort(), await freePort()];
  await writeFile(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n${config}\n`);
  await writeFile(join(folder, 'enabled_plugins'), '[].\n');
  const child = await spawnReady(binary, {
    env: {
      ...process.env,
      HOME: folder,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArgs,
      RABBITMQ_NODENAME: `tq${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    },
    cwd: folder,
    timeoutMs: 120_000,
    probe: () => answers(port, Buffer.from('AMQP\0\0\x09\x01', 'latin1'), (bytes) => bytes[0] === 1),
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return serverOf(`amqp://guest:guest@127.0.0.1:${port}//`, 'binary', async () => {
    await child.stop('SIGTERM', 20_000);
    await rm(folder, { recursive: true, force: true });
  });
}
