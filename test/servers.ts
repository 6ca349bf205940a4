/** One provider of real servers for tests: from the environment, from containers, or from binaries on free ports. */

import { containerRabbitmq, containerRedis, engineAnswers } from './servers/containers.ts';
import { rabbitmqBinary, startRabbitmq } from './servers/rabbitmq.ts';
import { redisBinary, startRedis } from './servers/redis.ts';
import type { Server } from './servers/server.ts';
import { serverAt } from './servers/server.ts';

export { gatekeeper } from './servers/gatekeeper.ts';
export { faultProxy } from './servers/proxy.ts';
export type { FaultProxy } from './servers/proxy.ts';
export { pythonVenv } from './servers/python.ts';
export type { CeleryVersion, PythonVenv } from './servers/python.ts';
export { spawnReady } from './servers/process.ts';
export type { Child } from './servers/process.ts';
export type { Server } from './servers/server.ts';

/**
 * A server in a container, or `undefined` to take a binary. `TQ_SERVERS`: `containers` (or `TQ_CONTAINERS=1`) insists on
 * Docker, `binaries` never asks it, `auto` (the default) tries it where an engine answers and no image must be missing.
 */
async function fromContainer(start: () => Promise<Server>, hasBinary: boolean): Promise<Server | undefined> {
  const mode = process.env['TQ_CONTAINERS'] === '1' ? 'containers' : (process.env['TQ_SERVERS'] ?? 'auto');
  if (mode === 'containers') return start();
  if (mode === 'binaries') return undefined;
  if (mode !== 'auto') throw new Error(`TQ_SERVERS is ${mode}: expected containers, binaries or auto`);
  if (!(await engineAnswers())) return undefined;
  return start().catch((error: unknown) => {
    if (!hasBinary) throw error;
    process.stderr.write(
      `no container (${error instanceof Error ? error.message.slice(0, 200) : String(error)}); taking the server binary\n`,
    );
    return undefined;
  });
}

/** A RabbitMQ. Throws an `Error` that says what to install when there is no way to get one. */
export async function rabbitmq(): Promise<Server> {
  const url = process.env['TQ_AMQP_URL'];
  if (url !== undefined && url !== '') return serverAt(url);
  const binary = await rabbitmqBinary();
  const container = await fromContainer(containerRabbitmq, binary !== undefined);
  if (container !== undefined) return container;
  if (binary !== undefined) return startRabbitmq(binary);
  throw new Error('no RabbitMQ: set TQ_AMQP_URL, start Docker, or install rabbitmq-server (apt-get or brew)');
}

/** A Redis. Throws an `Error` that says what to install when there is no way to get one. */
export async function redis(): Promise<Server> {
  const url = process.env['TQ_REDIS_URL'];
  if (url !== undefined && url !== '') return serverAt(url);
  const binary = await redisBinary();
  const container = await fromContainer(containerRedis, binary !== undefined);
  if (container !== undefined) return container;
  if (binary !== undefined) return startRedis(binary);
  throw new Error('no Redis: set TQ_REDIS_URL, start Docker, or install redis-server (apt-get or brew)');
}
