/** Servers in containers. testcontainers is loaded only when they are asked for. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Server } from './server.ts';
import { serverOf } from './server.ts';

const run = promisify(execFile);

/** Whether a Docker engine answers within five seconds. */
export async function engineAnswers(): Promise<boolean> {
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

/** A RabbitMQ container, with lines of configuration of its own; `TQ_RABBITMQ_IMAGE` names the image. */
export async function containerRabbitmq(image?: string, config = ''): Promise<Server> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image ?? process.env['TQ_RABBITMQ_IMAGE'] ?? 'rabbitmq:4')
    .withCopyContentToContainer([{ content: `${config}\n`, target: '/etc/rabbitmq/conf.d/90-test.conf' }])
    .withExposedPorts(5672)
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete|completed with \d+ plugins/))
    .withStartupTimeout(120_000)
    .start();
  const url = `amqp://guest:guest@${container.getHost()}:${container.getMappedPort(5672)}//`;
  return serverOf(url, 'container', async () => void (await container.stop()));
}

/** A Redis container; `TQ_REDIS_IMAGE` names the image. */
export async function containerRedis(image?: string): Promise<Server> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image ?? process.env['TQ_REDIS_IMAGE'] ?? 'redis:8')
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}/0`;
  return serverOf(url, 'container', async () => void (await container.stop()));
}
