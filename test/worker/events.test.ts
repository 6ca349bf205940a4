import { describe, expect, test } from 'vitest';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import type { CeleryEvent } from '../../src/protocol/event.ts';
import type { Delivery } from '../../src/transport/transport.ts';
import { Reject } from '../../src/app/exceptions.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { golden } from '../goldens.ts';
import { errorsOf } from '../schemas/schemas.ts';
import { harness } from './harness.ts';
import type { Harness } from './harness.ts';

interface Heard {
  readonly deliveries: Delivery[];
  readonly events: CeleryEvent[];
  /** The next event of that type, or one that was heard before. */
  of(type: string): Promise<CeleryEvent>;
}

/** Listens to all events of a harness's broker. */
async function listen(place: Harness): Promise<Heard> {
  const channel = await place.broker();
  const queue = {
    name: 'celeryev.test',
    exchange: { name: 'celeryev', type: 'topic', durable: true, autoDelete: false },
    routingKey: '#',
    durable: false,
    autoDelete: true,
    exclusive: false,
    arguments: {},
  } as const;
  await channel.declareQueue(queue);
  const waiters: (() => void)[] = [];
  const heard: Heard = {
    deliveries: [],
    events: [],
    of: async (type) => {
      for (;;) {
        const found = heard.events.find((event) => event.type === type);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    },
  };
  await channel.consume([queue], {
    prefetch: 0,
    noAck: true,
    onDelivery: (delivery) => {
      heard.deliveries.push(delivery);
      const body = jsonSerializer.decode(delivery.message.body) as CeleryEvent | CeleryEvent[];
      heard.events.push(...(Array.isArray(body) ? body : [body]));
      for (const wake of waiters.splice(0)) wake();
    },
    onCancelled: () => undefined,
  });
  return heard;
}

/** The fields of an event of Python's worker. */
function fieldsOfPython(type: string): string[] {
  const [message] = golden('5.7.0', 'events')[type]?.messages ?? [];
  return Object.keys(JSON.parse(message?.body ?? '{}') as object).toSorted();
}

const of = (heard: Heard, uuid: string): string[] => heard.events.filter((event) => event['uuid'] === uuid).map(({ type }) => type);

/** A result is there before all that follows from the task is done. */
async function ended(worker: Worker): Promise<void> {
  while (worker.running > 0) await new Promise(setImmediate);
}

describe('a worker that sends events', () => {
  const place = harness();

  test('says that it is there, and that it goes', async () => {
    const heard = await listen(place);
    const worker = await place.start({ heartbeatInterval: 0.02, hostname: 'w1@here' });
    const online = await heard.of('worker-online');
    await heard.of('worker-heartbeat');
    await worker.stop();
    await heard.of('worker-offline');

    expect(online).toMatchObject({ hostname: 'w1@here', freq: 0.02, active: 0, processed: 0, sw_ident: 'tq-bridge' });
    expect(heard.deliveries[0]?.info.routingKey).toBe('worker.online');
    expect(heard.deliveries[0]?.message.headers).toEqual({ hostname: 'w1@here' });
    expect(heard.deliveries[0]?.message.properties.deliveryMode).toBe(1);
    expect(heard.events.at(-1)?.type).toBe('worker-offline');
    for (const event of heard.events) {
      expect(errorsOf('event', event)).toEqual([]);
      expect(Object.keys(event).toSorted(), event.type).toEqual(fieldsOfPython(event.type));
    }
  });

  test('tells what happens to each task, in order, with a clock that only grows', async () => {
    const heard = await listen(place);
    place.app.task('add', (x: number, y: number) => x + y);
    place.app.task('fail', () => {
      throw new TypeError('no');
    });
    place.app.task('again', { maxRetries: 1, defaultRetryDelay: 0.05 }, async function () {
      throw await this.retry({ error: new TypeError('later') });
    });
    place.app.task('refuse', { acksLate: true }, () => {
      throw new Reject('no', { requeue: false });
    });
    await place.start({ taskEvents: true, withoutHeartbeat: true });

    const sum = await place.app.sendTask('add', [2, 3]);
    await sum.get({ timeout: 5 });
    const failed = await place.app.sendTask('fail');
    await expect(failed.get({ timeout: 5 })).rejects.toThrow('no');
    const again = await place.app.sendTask('again');
    await expect(again.get({ timeout: 5 })).rejects.toThrow('later');
    const refused = await place.app.sendTask('refuse');
    await heard.of('task-rejected');
    const late = await place.app.sendTask('add', [1, 1], { expires: new Date(0) });
    await heard.of('task-revoked');

    for (const event of heard.events) expect(Object.keys(event).toSorted(), event.type).toEqual(fieldsOfPython(event.type));
    expect(of(heard, sum.id)).toEqual(['task-received', 'task-started', 'task-succeeded']);
    expect(of(heard, failed.id)).toEqual(['task-received', 'task-started', 'task-failed']);
    // The next try may be received before this one has ended, as in Celery.
    expect(of(heard, again.id).toSorted()).toEqual(
      ['task-received', 'task-started', 'task-retried', 'task-received', 'task-started', 'task-failed'].toSorted(),
    );
    expect(of(heard, again.id).at(-1)).toBe('task-failed');
    expect(of(heard, refused.id)).toEqual(['task-received', 'task-started', 'task-failed', 'task-rejected']);
    expect(of(heard, late.id)).toEqual(['task-received', 'task-revoked']);
    expect(await heard.of('task-received')).toMatchObject({
      name: 'add',
      args: '(2, 3)',
      kwargs: '{}',
      retries: 0,
      root_id: sum.id,
      eta: null,
    });
    expect(await heard.of('task-succeeded')).toMatchObject({ result: '5', runtime: expect.any(Number) as number });
    expect(await heard.of('task-failed')).toMatchObject({
      exception: "TypeError('no')",
      traceback: expect.stringContaining('TypeError: no') as string,
    });
    expect(await heard.of('task-revoked')).toMatchObject({ terminated: false, signum: null, expired: true });
    expect(new Set(heard.deliveries.map(({ info }) => info.routingKey))).toEqual(new Set(['task.multi']));
    const clocks = heard.events.map(({ clock }) => clock);
    expect(clocks).toEqual(clocks.toSorted((a, b) => a - b));
    for (const event of heard.events) expect(errorsOf('event', event)).toEqual([]);
  });

  test('a message carries 24 events at most', async () => {
    const heard = await listen(place);
    place.app.task('nothing', { ignoreResult: true }, () => undefined);
    await place.start({ taskEvents: true, withoutHeartbeat: true, prefetchMultiplier: 0 });
    await Promise.all(Array.from({ length: 100 }, () => place.app.sendTask('nothing')));
    while (heard.events.filter(({ type }) => type === 'task-succeeded').length < 100) await new Promise(setImmediate);

    const sizes = heard.deliveries.map(({ message }) => (jsonSerializer.decode(message.body) as unknown[]).length);
    expect(Math.max(...sizes)).toBe(24);
  });

  test('task events are sent when asked for, and not about a task that does not want it', async () => {
    const heard = await listen(place);
    place.app.task('quiet', { sendEvents: false }, () => 1);
    place.app.task('add', (x: number, y: number) => x + y);
    const worker = await place.start({ withoutHeartbeat: true });
    await place.run('add', [1, 2]);
    await ended(worker);

    expect(worker.events.enable('task')).toBe(true);
    expect(worker.events.enable('task')).toBe(false);
    await place.run('quiet');
    await place.run('add', [3, 4]);
    await heard.of('task-succeeded');
    await ended(worker);
    expect(worker.events.disable('task')).toBe(true);
    await place.run('add', [5, 6]);
    await worker.stop();

    expect(heard.events.map(({ type }) => type)).toEqual(['task-received', 'task-started', 'task-succeeded']);
    expect(heard.events[0]).toMatchObject({ args: '(3, 4)' });
  });

  test('an unknown task has failed', async () => {
    const heard = await listen(place);
    await place.start({ taskEvents: true, withoutHeartbeat: true });
    const sent = await place.app.sendTask('nobody');

    expect(await heard.of('task-failed')).toMatchObject({ uuid: sent.id, exception: "NotRegistered('nobody')" });
  });

  test('a busy worker sends few messages, and one that ends sends all', async () => {
    const heard = await listen(place);
    place.app.task('add', (x: number) => x);
    const worker = await place.start({ taskEvents: true, withoutHeartbeat: true });
    for (let task = 0; task < 200; task += 1) {
      await place.run('add', [task]);
      await new Promise(setImmediate);
    }
    await worker.stop();

    expect(heard.events.filter(({ type }) => type.startsWith('task-'))).toHaveLength(600);
    expect(heard.deliveries.length).toBeLessThan(100);
  });

  test('what others wait for goes out at once, whatever went before', async () => {
    const heard = await listen(place);
    place.app.task('add', (x: number) => x);
    const worker = await place.start({ taskEvents: true, withoutHeartbeat: true });
    await place.run('add', [1]);
    worker.events.send('worker-elect', { id: 'e' });
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);

    expect(heard.events.map(({ type }) => type)).toContain('worker-elect');
  });

  test('a cold shutdown cancels what goes back and fails what was acked before', async () => {
    const heard = await listen(place);
    const endless = (): Promise<void> => new Promise(() => undefined);
    place.app.task('late', { acksLate: true }, endless);
    place.app.task('early', endless);
    const worker = await place.start({ taskEvents: true });
    const late = await place.app.sendTask('late');
    const early = await place.app.sendTask('early');
    await expect.poll(() => worker.running).toBe(2);

    await worker.terminate();
    await heard.of('worker-offline');

    expect(of(heard, late.id)).toEqual(['task-received', 'task-started', 'task-cancelled']);
    expect(of(heard, early.id)).toEqual(['task-received', 'task-started', 'task-failed']);
    expect(errorsOf('event', await heard.of('task-cancelled'))).toEqual([]);
  });

  test('a value that cannot be sent is a failure', async () => {
    const heard = await listen(place);
    place.app.task('odd', () => Symbol('x'));
    await place.start({ taskEvents: true, withoutHeartbeat: true });
    await expect(place.run('odd')).rejects.toThrow();

    expect(await heard.of('task-failed')).toMatchObject({ exception: expect.stringContaining('EncodeError') as string });
    expect(heard.events.some(({ type }) => type === 'task-succeeded')).toBe(false);
  });

  test('tasks send events of their own', async () => {
    const heard = await listen(place);
    place.app.task('long', async function () {
      this.sendEvent('task-progress', { done: 1 });
    });
    const worker = await place.start({ withoutHeartbeat: true });
    const sent = await place.app.sendTask('long');

    expect(await heard.of('task-progress')).toMatchObject({ uuid: sent.id, done: 1, hostname: worker.hostname });
    expect(heard.deliveries[0]?.info.routingKey).toBe('task.progress');
  });

  test.each([
    ['progress', {}, "such as 'task-progress'"],
    ['task-x', { clock: 1 }, 'every event has a clock of its own'],
    ['worker-x', { alive: 1 }, 'stops every Python worker'],
  ])('an event %s with %j is refused', (type, fields, reason) => {
    expect(() => place.app.sendEvent(type, fields)).toThrow(reason);
  });
});

describe('a client that sends events', () => {
  const place = harness({ task_send_sent_event: true });

  test('tells what it has sent', async () => {
    const heard = await listen(place);
    const sent = await place.app.sendTask('add', [2, 3], { kwargs: { x: 1 } });
    const event = await heard.of('task-sent');

    expect(event).toMatchObject({
      uuid: sent.id,
      root_id: sent.id,
      parent_id: null,
      name: 'add',
      args: '(2, 3)',
      kwargs: "{'x': 1}",
      retries: 0,
      eta: null,
      expires: null,
      queue: 'celery',
      exchange: '',
      routing_key: 'celery',
      hostname: place.app.origin,
    });
    expect(errorsOf('event', event)).toEqual([]);
  });
});
