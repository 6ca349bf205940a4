/** A private RabbitMQ node: free ports, a folder of its own, nothing shared with a system service. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { findExecutable } from './find.ts';
import { answers, freePort } from './ports.ts';
import { spawnReady } from './process.ts';
import type { Child } from './process.ts';
import type { Server } from './server.ts';
import { serverOf } from './server.ts';

const run = promisify(execFile);

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

/** A node of our own: it can be told things, killed, and started again where it was. */
export interface RabbitmqNode extends Server {
  /** Runs `rabbitmqctl` on it and resolves to what that prints. Rejects when it fails. */
  ctl(...words: readonly string[]): Promise<string>;
  /** Signals the node and all it has started. */
  signal(name: NodeJS.Signals): void;
  /** Ends it without a goodbye; what it has on disk stays. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  start(): Promise<void>;
}

/** Starts a node, with lines of configuration of its own, and resolves when it answers an AMQP handshake. */
export async function startRabbitmq(
  binary: string,
  { config = '', erlangArgs = '' }: { readonly config?: string; readonly erlangArgs?: string } = {},
): Promise<RabbitmqNode> {
  const folder = await mkdtemp(join(tmpdir(), 'tq-rabbitmq-'));
  const [port, distPort] = [await freePort(), await freePort()];
  await writeFile(join(folder, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${port}\n${config}\n`);
  await writeFile(join(folder, 'enabled_plugins'), '[].\n');
  const name = `tq${port}@localhost`;
  const env = {
    ...process.env,
    HOME: folder,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArgs,
    RABBITMQ_NODENAME: name,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  };
  const launch = (): Promise<Child> =>
    spawnReady(binary, {
      env,
      cwd: folder,
      timeoutMs: 120_000,
      probe: () => answers(port, Buffer.from('AMQP\0\0\x09\x01', 'latin1'), (bytes) => bytes[0] === 1),
    });
  let child = await launch().catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const server = serverOf(`amqp://guest:guest@127.0.0.1:${port}//`, 'binary', async () => {
    await child.stop('SIGTERM', 20_000);
    await rm(folder, { recursive: true, force: true });
  });
  const ctl = join(dirname(binary), 'rabbitmqctl');
  return {
    ...server,
    ctl: async (...words) => (await run(ctl, ['-n', name, ...words], { env, cwd: folder, timeout: 60_000 })).stdout,
    signal: (signal) => void process.kill(-child.pid, signal),
    kill: () => child.stop('SIGKILL'),
    start: async () => void (child = await launch()),
  };
}
