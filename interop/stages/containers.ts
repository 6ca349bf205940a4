/** Everything of the other side in containers of one Debian release: RabbitMQ, Redis, the Celery worker, the Python driver. */

import type { StartedTestContainer } from 'testcontainers';
import { GenericContainer, Network, Wait } from 'testcontainers';

import { spawnReady } from '../../test/servers.ts';
import { Driver, driverReady } from '../driver.ts';
import type { Ground, Place, Row, Stage } from './stage.ts';
import { holeAt, places, rows, workerArgs } from './stage.ts';

/** Every row in the containers of every Debian release, but for rows that are holes. */
export function containerStages(): readonly Stage[] {
  const all = places.filter(({ on }) => on !== 'host').flatMap((place) => rows.map((row) => ({ ...place, row })));
  return all
    .filter((spot) => holeAt(spot) === undefined)
    .map((spot) => ({ ...spot, open: (queue: string): Promise<Ground> => openContainers(spot, spot.row, queue) }));
}

async function openContainers(place: Place, row: Row, queue: string): Promise<Ground> {
  await using cleanup = new AsyncDisposableStack();
  const network = cleanup.use(await new Network().start());
  const make = (alias: string, command: readonly string[]): GenericContainer =>
    new GenericContainer(`tq-interop:${place.on}`)
      .withNetwork(network)
      .withNetworkAliases(alias)
      .withCommand([...command]);
  const broker = cleanup.use(await startBroker(make));
  const store = row === 'amqp+redis' ? cleanup.use(await startStore(make)) : undefined;
  const conf = { task_default_queue: queue };
  const inside = {
    PYTHONUNBUFFERED: '1',
    TQ_BROKER: 'amqp://guest:guest@broker:5672//',
    TQ_BACKEND: store === undefined ? 'rpc://' : 'redis://store:6379/0',
    TQ_CONF: JSON.stringify(conf),
  };
  const owned = cleanup.move();
  return {
    broker: `amqp://guest:guest@${broker.getHost()}:${broker.getMappedPort(5672)}//`,
    backend: store === undefined ? 'rpc://' : `redis://${store.getHost()}:${store.getMappedPort(6379)}/0`,
    conf,
    startWorker: (queues) =>
      make('worker', ['celery', ...workerArgs(['-P', 'threads', '-c', '4'], queues)])
        .withEnvironment(inside)
        .withWaitStrategy(Wait.forLogMessage(/ ready\./))
        .start(),
    startDriver: async () => driverIn(owned.use(await make('driver', ['sleep', 'infinity']).withEnvironment(inside).start())),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Make = (alias: string, command: readonly string[]) => GenericContainer;

function startBroker(make: Make): Promise<StartedTestContainer> {
  return make('broker', ['rabbitmq-server'])
    .withExposedPorts(5672)
    .withWaitStrategy(Wait.forLogMessage(/completed with \d+ plugins/))
    .withStartupTimeout(120_000)
    .start();
}

function startStore(make: Make): Promise<StartedTestContainer> {
  return make('store', ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', ''])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
}

/** The driver speaks through `docker exec`, whose streams are a child's like any other. */
async function driverIn(container: StartedTestContainer): Promise<Driver> {
  const args = ['exec', '-i', container.getId(), 'python3', 'driver.py'];
  return new Driver(await spawnReady('docker', { args, readyText: driverReady }));
}
