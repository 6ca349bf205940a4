import { describe, expect, test } from 'vitest';
import type { SendOptions } from '../../src/app/options.ts';
import type { TaskOptions } from '../../src/app/task.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { DateTime } from '../../src/base/values.ts';
import { Celery } from '../../src/celery.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import type { Delivery } from '../../src/transport/transport.ts';
import { transportOptions } from '../conformance/transport.ts';

/** Sends one task over a memory broker of its own and takes it from the queue it went to. */
async function sent(queue: string, settings: object, options: SendOptions = {}, task?: TaskOptions, viaTask = false): Promise<Delivery> {
  const broker_url = `memory://${crypto.randomUUID()}`;
  await using app = new Celery('x', { broker_url, ...settings });
  const registered = task === undefined ? undefined : app.task('t', task, () => 1);
  await (viaTask && registered !== undefined ? registered.applyAsync([], options) : app.sendTask('t', [], options));
  const connection = await memoryTransport.connect(parseBrokerUrl(broker_url), transportOptions());
  const channel = await connection.openChannel();
  const delivery = await channel.get(queue);
  await connection.close();
  if (delivery === undefined) throw new Error(`nothing in ${queue}`);
  return delivery;
}

describe('where a task goes, as Celery 5.7 decides', () => {
  const routes = { task_routes: { t: { queue: 'routed', priority: 3, routing_key: 'rk' } } };

  test('an option wins over an attribute of the task, the attribute over the route', async () => {
    const task = { queue: 'attribute', priority: 7 };

    await sent('option', routes, { queue: 'option' }, task);
    expect((await sent('attribute', routes, {}, task)).message.properties.priority).toBe(7);
    expect((await sent('routed', routes, {}, {})).message.properties.priority).toBe(3);
    expect((await sent('routed', routes)).message.properties.priority).toBe(3);
  });

  test('a direct exchange without a key is no address: the queue decides', async () => {
    expect((await sent('celery', {}, { exchange: 'nowhere' })).info).toMatchObject({ exchange: '', routingKey: 'celery' });
    expect((await sent('celery', {}, { routingKey: 'k' })).info).toMatchObject({ exchange: '', routingKey: 'celery' });
  });

  test('an exchange of the option and a queue of the route go together: the queue is declared', async () => {
    const settings = { task_routes: { t: 'q' }, task_queues: { q: { exchange: 'e', routing_key: 'k' } } };

    expect((await sent('q', settings, { exchange: 'e', routingKey: 'k' })).info).toMatchObject({ exchange: 'e', routingKey: 'k' });
  });

  test('a topic queue takes the key of the option, the task, the route, itself', async () => {
    const settings = { task_queues: { n: { exchange: 'x', exchange_type: 'topic', routing_key: 'a.#' } }, task_routes: { t: 'n' } };
    const routed = { ...settings, task_routes: { t: { queue: 'n', routing_key: 'a.route' } } };

    expect((await sent('n', settings, { routingKey: 'a.option' })).info.routingKey).toBe('a.option');
    expect((await sent('n', routed, {}, { routingKey: 'a.task' })).info.routingKey).toBe('a.task');
    expect((await sent('n', routed)).info.routingKey).toBe('a.route');
    expect((await sent('n', settings)).info.routingKey).toBe('a.#');
  });

  test('a fanout queue is reached through its exchange', async () => {
    const settings = { task_queues: { f: { exchange: 'fx', exchange_type: 'fanout' } } };

    expect((await sent('f', settings, { queue: 'f' })).info.exchange).toBe('fx');
  });

  test('a route sets what it may', async () => {
    const target = { compression: 'gzip', delivery_mode: 1, headers: { a: 1 }, priority: 2 };
    const { message } = await sent('celery', { task_routes: { t: target } });

    expect(message.headers).toMatchObject({ compression: 'application/x-gzip', a: 1 });
    expect(message.properties).toMatchObject({ deliveryMode: 1, priority: 2 });
  });

  test('a route cannot set what Python’s cannot, nor nonsense', async () => {
    expect(() => new Celery('x', { task_routes: { t: { expires: 5 } } })).toThrow('cannot set expires');
    expect(() => new Celery('x', { task_routes: ['my.router'] })).toThrow('dotted path');
    await expect(sent('celery', { task_routes: () => ({ time_limit: 5 }) })).rejects.toThrow('cannot set time_limit');
    await expect(sent('celery', { task_routes: { t: { priority: -1 } } })).rejects.toThrow('task_routes for t: priority');
  });

  test('a function sees the options of the send', async () => {
    const task_routes = (_name: string, _args: unknown, _kwargs: unknown, options: SendOptions): string => `p${options.priority}`;

    await sent('p4', { task_routes }, { priority: 4 });
  });
});

describe('what a task says about itself', () => {
  test('attributes fill the message where the sender has the task', async () => {
    const task = { expires: 60, timeLimit: 9, softTimeLimit: 8, compression: 'gzip', deliveryMode: 1 } as const;
    const { message } = await sent('celery', {}, {}, task);

    expect(message.headers).toMatchObject({ timelimit: [9, 8], compression: 'application/x-gzip' });
    expect(Number(message.properties.expiration)).toBeGreaterThan(50_000);
    expect(message.properties.deliveryMode).toBe(1);
  });

  test('null sets an attribute aside', async () => {
    const task = { expires: 60, timeLimit: 9, softTimeLimit: 8 };
    const { message } = await sent('celery', {}, { expires: null, timeLimit: null, softTimeLimit: null }, task);

    expect(message.headers).toMatchObject({ timelimit: [null, null], expires: null });
    expect(message.properties.expiration).toBeUndefined();
  });

  test('task_default_priority holds for tasks at hand, not for bare names', async () => {
    expect((await sent('celery', { task_default_priority: 4 }, {}, {})).message.properties.priority).toBe(4);
    expect((await sent('celery', { task_default_priority: 4 })).message.properties.priority).toBe(0);
  });

  test('ignore_result is null for a name and the task’s own for a task', async () => {
    expect((await sent('celery', {}, {}, { ignoreResult: true })).message.headers['ignore_result']).toBeNull();
    expect((await sent('celery', {}, {}, { ignoreResult: true }, true)).message.headers['ignore_result']).toBe(true);
    expect((await sent('celery', {}, {}, {}, true)).message.headers['ignore_result']).toBe(false);
    expect((await sent('celery', { task_ignore_result: true }, {}, {}, true)).message.headers['ignore_result']).toBe(true);
  });
});

describe('times', () => {
  test('a countdown of 0 is none', async () => {
    expect((await sent('celery', {}, { countdown: 0 })).message.headers['eta']).toBeNull();
  });

  test.each(['2030-01-02T03:04:05', '2030-01-02T03:04:05.000006+02:00'])(
    'the eta %s travels as it was written, in either protocol',
    async (text) => {
      const eta = DateTime.fromIso(text) ?? new Date(Number.NaN);
      const one = await sent('celery', { task_protocol: 1 }, { eta });

      expect((await sent('celery', {}, { eta })).message.headers['eta']).toBe(text);
      expect(JSON.parse(new TextDecoder().decode(one.message.body))).toMatchObject({ eta: text, utc: true, expires: null });
      expect(one.message.headers).toEqual({});
    },
  );

  test('expired before it was sent: an expiration of 0', async () => {
    const { message } = await sent('celery', {}, { expires: -5 });

    expect(message.properties.expiration).toBe('0');
    expect(message.headers['expires']).toMatch(/\+00:00$/);
  });
});
