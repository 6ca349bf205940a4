/** One provider of real servers for tests: from the environment, from containers, or from binaries on free ports. */

import { containerRabbitmq, containerRedis, engineAnswers } from './servers/containers.ts';
import { rabbitmqBinary, startRabbitmq } from './servers/rabbitmq.ts';
import { redisBinary, startRedis } from './servers/redis.ts';
import type { Server } from './servers/server.ts';
import { serverAt } from './servers/server.ts';

export { pythonVenv } from './servers/python.ts';
export type { CeleryVersion, PythonVenv } from './servers/python.ts';
export { spawnReady } from './servers/process.ts';
export type { Child } from './servers/process.ts';
export type { Server } from './servers/server.ts';

/**
 * `TQ_SERVERS`: `containers` insists on Docker, `binaries` never asks it, `auto` (the default) takes containers where
 * an engine answers, else binaries. `TQ_CONTAINERS=1` means the same as `containers`.
 */
async function useContainers(): Promise<boolean> {
  const mode = process.env['TQ_CONTAINERS'] === '1' ? 'containers' : (process.env['TQ_SERVERS'] ?? 'auto');
  if (mode === 'containers') return true;
  if (mode === 'binaries') return false;
  if (mode !== 'auto') throw new Error(`TQ_SERVERS is ${mode}: expected containers, binaries or auto`);
  return engineAnswers();
}

/** A RabbitMQ. Throws an `Error` that says what to install when there is no way to get one. */
export async function rabbitmq(): Promise<Server> {
  const url = process.env['TQ_AMQP_URL'];
  if (url !== undefined && url !== '') return serverAt(url);
  const binary = await rabbitmqBinary();
  if (await useContainers()) return containerRabbitmq();
  if (binary !== undefined) return startRabbitmq(binary);
  throw new Error('no RabbitMQ: set TQ_AMQP_URL, start Docker, or install rabbitmq-server (apt-get or brew)');
}

/** A Redis. Throws an `Error` that says what to install when there is no way to get one. */
export async function redis(): Promise<Server> {
  const url = process.env['TQ_REDIS_URL'];
  if (url !== undefined && url !== '') return serverAt(url);
  const binary = await redisBinary();
  if (await useContainers()) return containerRedis();
  if (binary !== undefined) return startRedis(binary);
  throw new Error('no Redis: set TQ_REDIS_URL, start Docker, or install redis-server (apt-get or brew)');
}
