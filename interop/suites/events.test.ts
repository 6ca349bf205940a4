/** Events: Celery's own receiver and monitor read ours, ours reads theirs, and a Python worker that gossips hears us out. */

import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import { ClusterState } from '../../src/events/state.ts';
import type { ReceivedEvent } from '../../src/events/read.ts';
import { errorsOf } from '../../test/schemas/schemas.ts';
import type { CeleryVersion, Child, Server } from '../../test/servers.ts';
import { pythonVenv, rabbitmq, spawnReady } from '../../test/servers.ts';

const releases: readonly CeleryVersion[] = ['5.7.0', '5.6.3'];
const cwd = resolve(import.meta.dirname, '../python');

type Fields = Readonly<Record<string, unknown>>;

/** What `watch.py` says at its end. */
interface Cluster {
  readonly tasks: Readonly<Record<string, Fields>>;
  readonly workers: Readonly<Record<string, Fields>>;
  readonly task_count: number;
}

let broker: Server;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  broker = await rabbitmq();
  const python = { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' };
  env = { ...process.env, ...python, TQ_BROKER: broker.url, TQ_BACKEND: 'rpc://', CELERY_BROKER_URL: broker.url };
});
afterAll(() => broker?.stop());

/** Python's receiver, and what it has heard. */
class Watch {
  readonly events: Fields[] = [];
  readonly #child: Child;
  readonly #cluster = Promise.withResolvers<Cluster>();
  readonly #waiting = new Set<() => void>();

  constructor(child: Child) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { readonly event?: Fields; readonly tasks?: unknown };
      if (said.event !== undefined) this.events.push(said.event);
      if (said.tasks !== undefined) this.#cluster.resolve(said as unknown as Cluster);
      for (const wake of this.#waiting) wake();
    });
  }

  static async start(release: CeleryVersion): Promise<Watch> {
    const { python } = await pythonVenv(release);
    return new Watch(await spawnReady(python, { args: ['watch.py'], cwd, env, readyText: /"ready": true\}\n/ }));
  }

  /** Resolves when it has heard `count` events of a type, of one task where one is named. */
  async heard(type: string, count = 1, uuid?: string): Promise<void> {
    const enough = (): boolean =>
      this.events.filter((event) => event['type'] === type && (uuid === undefined || event['uuid'] === uuid)).length >= count;
    while (!enough()) {
      const { promise, resolve: wake } = Promise.withResolvers<void>();
      this.#waiting.add(wake);
      await promise;
      this.#waiting.delete(wake);
    }
  }

  /** Ends it, and resolves to the cluster as Python's State has it. */
  async finish(): Promise<Cluster> {
    this.#child.stdin.end();
    const cluster = await this.#cluster.promise;
    await this.#child.stop('SIGKILL');
    return cluster;
  }
}

function ourApp(queue: string, settings: Fields = {}): Celery {
  return new Celery('ours', { broker_url: broker.url, result_backend: 'rpc://', task_default_queue: queue, ...settings });
}

describe.each(releases)('Celery %s', (release) => {
  test('its receiver and its State understand our worker and our client', async () => {
    await using app = ourApp(randomUUID(), { task_send_sent_event: true });
    app.task('ours.add', (x: number, y: number) => x + y);
    app.task('ours.fail', () => {
      throw new TypeError('no');
    });
    app.task('ours.again', { maxRetries: 1, defaultRetryDelay: 0.1 }, async function () {
      throw await this.retry({ error: new TypeError('later') });
    });
    app.task('ours.progress', async function () {
      this.sendEvent('task-progress', { done: 0.5 });
    });
    const watch = await Watch.start(release);
    const worker = app.worker({ hostname: `ours-${release}@%h`, taskEvents: true, heartbeatInterval: 1 });
    await worker.start();
    const sum = await app.sendTask('ours.add', [2, 3]);
    const failed = await app.sendTask('ours.fail');
    const again = await app.sendTask('ours.again');
    const late = await app.sendTask('ours.add', [1, 1], { expires: new Date(0) });
    const shown = await app.sendTask('ours.progress');
    await watch.heard('task-failed', 1, again.id);
    await watch.heard('task-revoked');
    await watch.heard('task-succeeded', 1, shown.id);
    await watch.heard('worker-heartbeat');
    await watch.heard('task-progress');
    const { tasks, workers, task_count } = await watch.finish();
    await worker.stop();

    expect(workers[worker.hostname]).toMatchObject({ alive: true, sw_ident: 'tq-bridge', freq: 1 });
    expect(tasks[sum.id]).toMatchObject({
      state: 'SUCCESS',
      name: 'ours.add',
      args: '(2, 3)',
      kwargs: '{}',
      result: '5',
      routing_key: expect.any(String) as string,
    });
    expect(tasks[sum.id]?.['runtime']).toBeTypeOf('number');
    expect(tasks[failed.id]).toMatchObject({ state: 'FAILURE', exception: "TypeError('no')" });
    expect(tasks[again.id]).toMatchObject({ state: 'FAILURE', retries: 1, exception: "TypeError('later')" });
    expect(tasks[late.id]).toMatchObject({ state: 'REVOKED', name: 'ours.add' });
    expect(tasks[shown.id]).toMatchObject({ name: 'ours.progress' });
    expect(task_count).toBe(6);
    const times = watch.events.map(({ timestamp, local_received }) => Math.abs(Number(timestamp) - Number(local_received)));
    expect(Math.max(...times)).toBeLessThan(5);
  });

  test('celery events --dump prints ours', async () => {
    const { celery } = await pythonVenv(release);
    await using app = ourApp(randomUUID());
    app.task('ours.add', (x: number, y: number) => x + y);
    await using dump = await spawnReady(celery, { args: ['-A', 'app', 'events', '--dump'], cwd, env, readyText: /evdump: starting/ });
    const worker = app.worker({ hostname: `dumped-${release}@%h`, taskEvents: true, heartbeatInterval: 0.2 });
    await worker.start();
    // Its queue may come after its first line.
    await dump.until((text) => text.includes(`dumped-${release}@`));
    await app.sendTask('ours.add', [2, 3]);
    await dump.until((text) => /task succeeded: ours\.add\([^)]+\).*result=5/.test(text) || text.includes('Traceback'));
    await worker.stop();

    expect(dump.output()).not.toContain('Traceback');
  });

  test('our receiver and our picture understand its worker', async () => {
    const { celery } = await pythonVenv(release);
    const queue = randomUUID();
    await using app = ourApp(queue, { event_queue_exclusive: release === '5.7.0' });
    await using receiver = app.openReceiver();
    await receiver.start();
    const events: ReceivedEvent[] = [];
    const state = new ClusterState();
    const heard = new Map<string, PromiseWithResolvers<void>>();
    const until = (type: string): Promise<void> => {
      const found = heard.get(type) ?? Promise.withResolvers<void>();
      heard.set(type, found);
      return found.promise;
    };
    receiver.on('*', (event) => {
      if (event.hostname !== `theirs-${release}@h`) return;
      events.push(event);
      state.apply(event);
      void until(event.type);
      heard.get(event.type)?.resolve();
    });
    await using python = await spawnReady(celery, {
      args: ['-A', 'app', 'worker', '-c', '1', '-l', 'INFO', '-E', '-Q', queue, '-n', `theirs-${release}@h`, '--without-mingle'],
      cwd,
      env,
      readyText: / ready\./,
    });
    const sum = await app.sendTask('py.add', [2, 3]);
    const failed = await app.sendTask('py.fail', ['no']);
    const late = await app.sendTask('py.add', [1, 1], { expires: new Date(0) });
    await Promise.all(['worker-online', 'worker-heartbeat', 'task-succeeded', 'task-failed', 'task-revoked'].map(until));
    await python.stop('SIGTERM', 20_000);
    await until('worker-offline');

    expect(state.tasks.get(sum.id)).toMatchObject({ state: 'SUCCESS', fields: { name: 'py.add', args: '(2, 3)', result: '5' } });
    expect(state.tasks.get(failed.id)).toMatchObject({ state: 'FAILURE', fields: { exception: "ValueError('no')" } });
    expect(state.tasks.get(late.id)).toMatchObject({ state: 'REVOKED', fields: { expired: true } });
    expect([...state.workers.values()]).toMatchObject([{ hostname: `theirs-${release}@h`, heartbeats: [], freq: 2 }]);
    for (const event of events) expect(errorsOf('event', event)).toEqual([]);
    expect(receiver.malformed).toBe(0);
  }, 60_000);

  test('a worker of its that gossips hears all of ours, and lives', async () => {
    const { celery } = await pythonVenv(release);
    const queue = randomUUID();
    await using python = await spawnReady(celery, {
      args: ['-A', 'app', 'worker', '-P', 'threads', '-c', '2', '-l', 'DEBUG', '-E', '-Q', queue, '-n', `gossip-${release}@h`],
      cwd,
      env,
      readyText: / ready\./,
    });
    await using app = ourApp(randomUUID());
    app.task('ours.add', (x: number, y: number) => x + y);
    const worker = app.worker({ hostname: `friend-${release}@%h`, taskEvents: true, heartbeatInterval: 0.1 });
    await worker.start();
    await (await app.sendTask('ours.add', [1, 2])).get({ timeout: 20 });
    app.sendEvent('worker-custom', { freq: 1 }, worker.hostname);
    await python.until((text) => /friend-\S+ joined the party/.test(text));
    await worker.stop();
    await python.until((text) => /friend-\S+ left/.test(text));
    const answer = await (await app.sendTask('py.add', [2, 3], { queue })).get({ timeout: 20 });
    const output = python.output();
    await python.stop('SIGKILL');

    expect(answer).toBe(5);
    expect(output).not.toMatch(/Traceback|drift|Error\b/);
  }, 40_000);
});
