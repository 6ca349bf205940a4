/** Both Debian releases in containers: RabbitMQ, Redis and a Celery worker of each, both directions. */

import { GenericContainer, Network, Wait } from 'testcontainers';
import { describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';

const releases = ['bookworm', 'trixie'] as const;

describe.each(releases)('Debian %s in containers', (release) => {
  test('tasks cross in both directions', { timeout: 300_000 }, async () => {
    await using network = await new Network().start();
    const image = `tq-interop:${release}`;
    await using broker = await new GenericContainer(image)
      .withNetwork(network)
      .withNetworkAliases('broker')
      .withExposedPorts(5672)
      .withCommand(['rabbitmq-server'])
      .withWaitStrategy(Wait.forLogMessage(/completed with \d+ plugins|Starting broker\.\.\. completed/))
      .withStartupTimeout(120_000)
      .start();
    await using store = await new GenericContainer(image)
      .withNetwork(network)
      .withNetworkAliases('store')
      .withExposedPorts(6379)
      .withCommand(['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', ''])
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
      .start();
    const inside = { TQ_BROKER: 'amqp://guest:guest@broker:5672//', TQ_BACKEND: 'redis://store:6379/0' };
    await using _worker = await new GenericContainer(image)
      .withNetwork(network)
      .withEnvironment(inside)
      .withCommand(['celery', '-A', 'app', 'worker', '-P', 'solo', '-l', 'INFO', '-Q', 'py'])
      .withWaitStrategy(Wait.forLogMessage(/ ready\./))
      .start();

    await using app = new Celery('containers', {
      broker_url: `amqp://guest:guest@${broker.getHost()}:${broker.getMappedPort(5672)}//`,
      result_backend: `redis://${store.getHost()}:${store.getMappedPort(6379)}/0`,
      task_default_queue: 'ts',
    });
    const sum = await app.sendTask('py.add', [2, 3], { queue: 'py' });
    expect(await sum.get({ timeout: 30 })).toBe(5);

    app.task('ts.add', (x: number, y: number) => x + y);
    const worker = app.worker({ queues: ['ts'] });
    await worker.start();
    await using driver = await new GenericContainer(image)
      .withNetwork(network)
      .withEnvironment(inside)
      .withCommand([
        'python3',
        '-c',
        'from app import app; print("sum is", app.send_task("ts.add", [4, 5], queue="ts").get(timeout=30), flush=True)',
      ])
      .withWaitStrategy(Wait.forLogMessage('sum is 9'))
      .start();
    expect(driver.getId()).not.toBe('');
    await worker.stop();
  });
});
