import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { ClusterState } from '../../src/events/state.ts';
import type { ReceivedEvent } from '../../src/events/read.ts';
import { errorsOf } from '../schemas/schemas.ts';
import { faultProxy, rabbitmq, spawnReady } from '../servers.ts';
import type { Server } from '../servers.ts';
import { CHANNEL_CLOSE, method, methodFrame, scriptedAmqp } from '../servers/amqp-script.ts';

const root = new URL('../..', import.meta.url).pathname;

const EXCHANGE_DECLARE = method(40, 10);
const EXCHANGE_DECLARE_OK = methodFrame(1, method(40, 11));
const PUBLISH = method(60, 40);

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

function appAt(url: string, settings: Readonly<Record<string, unknown>> = {}): Celery {
  const app = new Celery('events', {
    broker_url: url,
    task_default_queue: `events-${randomUUID()}`,
    task_ignore_result: true,
    ...settings,
  });
  app.task('add', (x: number, y: number) => x + y);
  return app;
}

describe('events over RabbitMQ', () => {
  test.each([true, false])('are heard by a receiver whose queue is exclusive: %s', async (exclusive) => {
    await using app = appAt(server.url, { event_queue_exclusive: exclusive });
    await using receiver = app.openReceiver();
    await receiver.start();
    await using worker = app.worker({ taskEvents: true, hostname: `${randomUUID()}@h` });
    await worker.start();
    const state = new ClusterState();
    const heard: ReceivedEvent[] = [];
    const read = async (): Promise<void> => {
      for await (const event of receiver) {
        state.apply(event);
        if (event.hostname === worker.hostname) heard.push(event);
        if (event.hostname === worker.hostname && event.type === 'task-succeeded') return;
      }
    };
    const [sent] = await Promise.all([app.sendTask('add', [1, 2]), read()]);

    expect(state.tasks.get(sent.id)).toMatchObject({ state: 'SUCCESS', worker: worker.hostname, fields: { name: 'add', result: '3' } });
    for (const event of heard) expect(errorsOf('event', event)).toEqual([]);
  });

  test('wait while the broker is away, and all of them arrive in order', async () => {
    await using proxy = await faultProxy(server.url);
    await using watcher = appAt(server.url);
    await using receiver = watcher.openReceiver({ routingKey: 'custom.#' });
    await receiver.start();
    const seen: unknown[] = [];
    const all = Promise.withResolvers<void>();
    receiver.on('custom-count', (event) => {
      seen.push(event['n']);
      if (new Set(seen).size === 300) all.resolve();
    });
    await using app = appAt(proxy.url);
    for (let n = 0; n < 100; n += 1) app.sendEvent('custom-count', { n });
    proxy.refuse(true);
    proxy.cut();
    for (let n = 100; n < 200; n += 1) app.sendEvent('custom-count', { n });
    await proxy.connected();
    for (let n = 200; n < 300; n += 1) app.sendEvent('custom-count', { n });
    proxy.refuse(false);
    await all.promise;

    const firsts = [...new Set(seen)];
    expect(firsts).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  test('a broker that refuses them is not stormed', async () => {
    await using refusing = await scriptedAmqp({ [EXCHANGE_DECLARE]: EXCHANGE_DECLARE_OK, [PUBLISH]: CHANNEL_CLOSE });
    await using app = appAt(refusing.url);
    app.sendEvent('custom-count', { n: 1 });
    await refusing.received(PUBLISH, 1);
    const began = performance.now();
    await refusing.received(PUBLISH, 4);

    // At the least half of 200, 400 and 800 ms.
    expect(performance.now() - began).toBeGreaterThan(690);
  });

  test('what cannot be read is counted, and listening goes on', async () => {
    await using app = appAt(server.url);
    await using receiver = app.openReceiver();
    await receiver.start();
    const link = app.openLink();
    const channel = await (await link.open()).openChannel();
    const send = async (body: string, contentType = 'application/json'): Promise<void> =>
      channel.publish(
        { body: new TextEncoder().encode(body), contentType, contentEncoding: 'utf-8', headers: {}, properties: {} },
        { exchange: 'celeryev', routingKey: 'task.multi' },
      );
    const last = new Promise<ReceivedEvent>((resolve) => receiver.on('task-last', resolve));
    for (const body of [
      '{',
      '5',
      '[1, {}, {"type": 5}]',
      '{"hostname": "h"}',
      `{"type": "${'x'.repeat(1000)}", "hostname": "h"}`,
      '[['.repeat(5000),
    ])
      await send(body);
    await send('x', 'application/x-python-serialize');
    await send('{"type": "task-last", "hostname": "h"}');
    await last;

    expect(receiver.malformed).toBe(9);
  });

  test('tq-bridge events prints them, as lines or as JSON', async () => {
    const cli = `${root}src/cli/main.ts`;
    const environment = { ...process.env, CELERY_BROKER_URL: server.url };
    const watch = (...words: string[]) => spawnReady(process.execPath, { args: [cli, ...words], env: environment, readyText: /listening/ });
    await using dump = await watch('events');
    await using json = await watch('--json', 'events', '--type', 'task-succeeded,task-failed', '--task', 'ad*');
    await using app = appAt(server.url);
    app.task('other', () => 1);
    await using worker = app.worker({ taskEvents: true });
    await worker.start();
    await app.sendTask('other');
    const sent = await app.sendTask('add', [1, 2]);
    await dump.until((text) => text.includes(`task succeeded: add(${sent.id}) args=(1, 2) kwargs={}`));
    await json.until((text) => text.includes(sent.id));
    await json.stop('SIGINT');
    const [, ...lines] = json.output().trim().split('\n');

    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'task-succeeded', uuid: sent.id, result: '3' });
    expect(await json.exitCode).toBe(0);
  });
});

/** Runs a command on a terminal of its own, and carries what is typed and shown. */
const ON_A_TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

describe('tq-bridge events on a terminal', () => {
  test('draws tasks as they change, shows one, and leaves the terminal as it was', async () => {
    await using app = appAt(server.url);
    await using worker = app.worker({ taskEvents: true, hostname: 'drawn@h' });
    await worker.start();
    const command = `stty cols 130 rows 30; exec ${process.execPath} ${root}dist/cli/main.js events`;
    await using view = await spawnReady('python3', {
      args: ['-c', ON_A_TERMINAL, 'sh', '-c', command],
      env: { ...process.env, CELERY_BROKER_URL: server.url },
      readyText: /q: quit/,
    });

    const sent = await app.sendTask('add', [1, 2]);
    await view.until((output) => new RegExp(`> ${sent.id} add .*drawn@h .*SUCCESS`).test(output));
    view.stdin.write('i');
    await view.until((output) => /Task info[^]*runtime/.test(output));
    view.stdin.write('xq');

    expect(await view.exitCode).toBe(0);
    expect(view.output()).toContain('Workers online: drawn@h');
    expect(view.output().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  });

  test('draws where the terminal does not know its size', async () => {
    const command = `stty cols 0 rows 0; exec ${process.execPath} ${root}dist/cli/main.js events`;
    await using view = await spawnReady('python3', {
      args: ['-c', ON_A_TERMINAL, 'sh', '-c', command],
      env: { ...process.env, CELERY_BROKER_URL: server.url },
      readyText: /q: quit/,
    });
    view.stdin.write('q');

    expect(await view.exitCode).toBe(0);
  });
});
