/** The whole matrix once more with RabbitMQ, Redis and Python of each Debian release in containers. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import { prefetchConformance } from '../../test/conformance/prefetch.ts';
import { transportConformance } from '../../test/conformance/transport.ts';
import { containerRabbitmq } from '../../test/servers/containers.ts';
import type { Server } from '../../test/servers.ts';
import { fromPython } from '../cases/from-python.ts';
import { toPython } from '../cases/to-python.ts';
import { containerStages } from '../stages/containers.ts';

describe('to Python', () => toPython(containerStages()));
describe('from Python', () => fromPython(containerStages()));

/** As 4.3 is by default. */
describe('RabbitMQ 4 without global_qos', () => {
  let server: Server;
  beforeAll(async () => {
    server = await containerRabbitmq('tq-interop:trixie', 'deprecated_features.permit.global_qos = false');
  });
  afterAll(() => server?.stop());

  transportConformance('amqp', () => Promise.resolve({ transport: amqpTransport, url: server.url }));
  prefetchConformance('classic queues', () => server.url, {});

  test('tasks that wait for their time do not keep others waiting', async () => {
    await using app = new Celery('later', { broker_url: server.url, result_backend: 'rpc://', task_default_queue: 'later' });
    app.task('add', (x: number, y: number) => x + y);
    const worker = app.worker({ concurrency: 1, prefetchMultiplier: 1 });
    await worker.start();

    for (let index = 0; index < 20; index += 1) await app.sendTask('add', [1, 2], { countdown: 600 });
    const now = await app.sendTask('add', [2, 3]);

    expect(await now.get({ timeout: 20 })).toBe(5);
    await worker.stop();
  });
});
