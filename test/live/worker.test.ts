import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { namedPipe } from '../pipe.ts';
import { gatekeeper, rabbitmq, spawnReady } from '../servers.ts';
import type { Child, Server } from '../servers.ts';

const root = new URL('../..', import.meta.url).pathname;

describe('tq-bridge worker as a process', () => {
  let server: Server;
  let connection: amqp.ChannelModel;
  let channel: amqp.Channel;
  beforeAll(async () => {
    server = await rabbitmq();
    connection = await amqp.connect(server.url);
    channel = await connection.createChannel();
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });

  const workerArgs = (args: readonly string[] = []): string[] => [
    `${root}dist/cli/main.js`,
    '-A',
    `${root}test/fixtures/tasks.ts`,
    'worker',
    '-l',
    'INFO',
    ...args,
  ];
  const workerEnv = (queue: string, url: string = server.url, heartbeat = 120): NodeJS.ProcessEnv => ({
    ...process.env,
    CELERY_BROKER_URL: url,
    CELERY_RESULT_BACKEND: 'rpc://',
    FIXTURE_QUEUE: queue,
    FIXTURE_HEARTBEAT: String(heartbeat),
  });
  const startWorker = (queue: string, args: readonly string[] = [], url: string = server.url, heartbeat = 120): Promise<Child> =>
    spawnReady(process.execPath, { args: workerArgs(args), env: workerEnv(queue, url, heartbeat), readyText: /ready\./ });
  const client = (queue: string): Celery =>
    new Celery('client', { broker_url: server.url, result_backend: 'rpc://', task_default_queue: queue });
  const received = (worker: Child, count: number): Promise<void> =>
    worker.until((output) => (output.match(/ received/g)?.length ?? 0) >= count);

  test('the banner and the log lines are Celery’s', async () => {
    const queue = `cli-${randomUUID()}`;
    await using worker = await startWorker(queue, ['-n', 'w1@%h']);
    await using app = client(queue);

    expect(await (await app.sendTask('fixture.add', [2, 3])).get({ timeout: 10 })).toBe(5);

    expect(worker.output()).toMatch(/w1@\S+ v\d/);
    expect(worker.output()).toContain('.> concurrency: 50 (async)');
    expect(worker.output()).toMatch(
      /\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: INFO\/MainProcess\] Task fixture\.add\[[0-9a-f-]{36}\] received/,
    );
    expect(worker.output()).toMatch(/succeeded in \d+\.\d+s: 5/);
    expect(worker.output()).not.toContain('guest:guest');
    await channel.deleteQueue(queue);
  });

  test('tasks that wait for their time do not hold up a worker that found them at its start', async () => {
    const [queue, other] = [`held-${randomUUID()}`, `held-${randomUUID()}`];
    for (const name of [queue, other]) await channel.assertQueue(name, { durable: true });
    await using app = client(queue);
    app.task('add', (x: number, y: number) => x + y);
    for (let index = 0; index < 3; index += 1) await app.sendTask('add', [1, 2], { countdown: 600 });
    const now = await app.sendTask('add', [2, 3]);

    const worker = app.worker({ concurrency: 1, prefetchMultiplier: 1, queues: [queue, other] });
    await worker.start();

    expect(await now.get({ timeout: 10 })).toBe(5);
    await worker.stop();
    for (const name of [queue, other]) await channel.deleteQueue(name);
  });

  test('TERM lets the running tasks finish, returns the others and exits 0', async () => {
    const queue = `term-${randomUUID()}`;
    const worker = await startWorker(queue, ['-c', '3', '--prefetch-multiplier', '20']);
    await using app = client(queue);
    const sent = await Promise.all(Array.from({ length: 53 }, () => app.sendTask('fixture.slow', [1])));
    await received(worker, 53);

    process.kill(worker.pid, 'SIGTERM');

    expect(await worker.exitCode).toBe(0);
    expect((await channel.checkQueue(queue)).messageCount).toBe(50);
    const states = await Promise.all(sent.map((result) => result.state()));
    expect(states.filter((state) => state === 'SUCCESS')).toHaveLength(3);
    await channel.deleteQueue(queue);
  });

  test('INT is a warm shutdown that exits 1, and a second one is cold', async () => {
    const queue = `int-${randomUUID()}`;
    const warm = await startWorker(queue);
    process.kill(warm.pid, 'SIGINT');
    expect(await warm.exitCode).toBe(1);

    const cold = await startWorker(queue);
    await using app = client(queue);
    await app.sendTask('fixture.late', [60]);
    await received(cold, 1);
    process.kill(cold.pid, 'SIGINT');
    // Two signals at once would count as one.
    await cold.until((output) => output.includes('Hitting Ctrl+C again'));
    process.kill(cold.pid, 'SIGINT');
    expect(await cold.exitCode).toBe(1);
    await untilCount(queue, 1);
    await channel.deleteQueue(queue);
  });

  test('QUIT puts late-acked work back, fails what was acked before, and exits 0', async () => {
    const queue = `quit-${randomUUID()}`;
    const worker = await startWorker(queue);
    await using app = client(queue);
    const late = await app.sendTask('fixture.late', [60]);
    const early = await app.sendTask('fixture.slow', [60]);
    const waiting = app.sendTask('fixture.late', [60], { countdown: 600 });
    await waiting;
    await received(worker, 3);

    process.kill(worker.pid, 'SIGQUIT');

    await expect(early.get({ timeout: 20 })).rejects.toMatchObject({ excType: 'WorkerLostError' });
    expect(await worker.exitCode).toBe(0);
    const back = [await channel.get(queue), await channel.get(queue)];
    const ids = back.map((message) => (message === false ? undefined : (message.properties.headers?.['id'] as string)));
    expect(ids).toContain(late.id);
    expect(new Set(ids)).toEqual(new Set([late.id, (await waiting).id]));
    await channel.deleteQueue(queue);
  });

  test('a warm shutdown keeps the connection while its tasks run, with a heartbeat of two seconds', async () => {
    const queue = `heart-${randomUUID()}`;
    const worker = await startWorker(queue, [], server.url, 2);
    await using app = client(queue);
    const sent = await app.sendTask('fixture.late', [7]);
    await received(worker, 1);

    process.kill(worker.pid, 'SIGTERM');

    expect(await sent.get({ timeout: 20 })).toBeNull();
    expect(await worker.exitCode).toBe(0);
    expect(worker.output()).not.toContain('Connection to broker lost');
    expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    await channel.deleteQueue(queue);
  });

  test('late-acked work survives SIGKILL', async () => {
    const queue = `kill-${randomUUID()}`;
    const worker = await startWorker(queue);
    await using app = client(queue);
    await app.sendTask('fixture.late', [60]);
    await received(worker, 1);

    process.kill(worker.pid, 'SIGKILL');

    await untilCount(queue, 1);
    await channel.deleteQueue(queue);
  });

  test('a broker that is away for a second, and absent at start, is found again', async () => {
    const queue = `away-${randomUUID()}`;
    await using gate = await gatekeeper(server.url);
    gate.shut();
    const starting = startWorker(queue, [], gate.url);
    await gate.refused();
    gate.open();
    await using worker = await starting;
    await using app = client(queue);
    expect(await (await app.sendTask('fixture.add', [1, 1])).get({ timeout: 20 })).toBe(2);

    gate.shut();
    await gate.refused();
    gate.open();

    expect(await (await app.sendTask('fixture.add', [2, 2])).get({ timeout: 20 })).toBe(4);
    expect(worker.output()).toContain('Trying to re-establish the connection');
    await channel.deleteQueue(queue);
  });

  test('goes on while nobody reads its log', async () => {
    const queue = `mute-${randomUUID()}`;
    const log = namedPipe();
    let text = '';
    await using worker = await spawnReady('sh', {
      args: ['-c', 'exec "$0" "$@" 2>"$LOG"', process.execPath, ...workerArgs()],
      env: { ...workerEnv(queue), LOG: log.path },
      probe: async () => (text += log.read()).includes('ready.'),
    });
    await using app = client(queue);
    // Two lines each, more than a pipe and the worker's patience hold together.
    for (let round = 0; round < 10; round += 1) {
      const sent = await Promise.all(Array.from({ length: 500 }, () => app.sendTask('fixture.add', [round, 'x'.repeat(500)])));
      await Promise.all(sent.map((result) => result.get({ timeout: 20 })));
    }

    await expect.poll(() => (text += log.read()), { timeout: 10_000 }).toContain('log lines were dropped: nobody read them in time');
    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.exitCode).toBe(0);
    await channel.deleteQueue(queue);
  });

  test('without retries an unreachable broker ends with 69', async () => {
    const ended = spawnSync(process.execPath, [`${root}dist/cli/main.js`, '-A', `${root}test/fixtures/no-retry.ts`, 'worker'], {
      encoding: 'utf8',
    });

    expect(ended.stderr).toContain('ECONNREFUSED');
    expect(ended.status).toBe(69);
  });

  async function untilCount(queue: string, count: number): Promise<void> {
    for (;;) {
      if ((await channel.checkQueue(queue)).messageCount === count) return;
    }
  }
});
