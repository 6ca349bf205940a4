import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Reject } from '../../src/app/exceptions.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Celery } from '../../src/celery.ts';
import type { Message } from '../../src/message/message.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import { transportOptions } from '../conformance/transport.ts';
import { KeyFolder } from '../certificates.ts';

const keys = new KeyFolder();
const signerA = keys.add('signer-a');
const signerB = keys.add('signer-b', { serial: 2n });
const stranger = keys.add('stranger', { stored: false });
afterAll(() => keys[Symbol.dispose]());

const get = { timeout: 5 };
const address = { exchange: '', routingKey: 'celery' };

describe('a worker that takes signed tasks', () => {
  let url: string;
  let lines: string[];
  let ran: unknown[];
  const apps: Celery[] = [];

  beforeEach(() => {
    url = `memory://${randomUUID()}`;
    lines = [];
    ran = [];
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  const logger: Logger = {
    ...silentLogger,
    error: (line) => lines.push(line),
    critical: (line) => lines.push(line),
    isEnabled: () => true,
  };
  const make = (settings: object, options?: { readonly serializer: string }): Celery => {
    const app = new Celery('signed', { broker_url: url, result_backend: url, ...settings });
    app.setLogger(logger);
    if ('security_key' in settings) app.setupSecurity(options);
    app.task('echo', (value: unknown) => {
      ran.push(value);
      return value;
    });
    apps.push(app);
    return app;
  };
  const channel = async (): Promise<Awaited<ReturnType<Awaited<ReturnType<typeof memoryTransport.connect>>['openChannel']>>> =>
    (await memoryTransport.connect(parseBrokerUrl(url), transportOptions())).openChannel();
  /** The message as it waits in the queue; it is taken away. */
  const taken = async (): Promise<Message> => {
    const delivery = await (await channel()).get('celery');
    await delivery?.ack();
    return delivery?.message ?? expect.unreachable('no message waits');
  };
  /** Puts messages into the queue and then a good task, which the worker must have run at the end. */
  const feed = async (client: Celery, ...messages: readonly Message[]): Promise<void> => {
    const open = await channel();
    for (const message of messages) await open.publish(message, address);
    expect(await (await client.sendTask('echo', ['good'])).get(get)).toBe('good');
  };
  const sent = async (client: Celery, ...args: Parameters<Celery['sendTask']>): Promise<Message> => {
    await client.sendTask(...args);
    return taken();
  };

  test('runs the tasks of every signer in the store and refuses the rest', async () => {
    const client = make(signerB);
    const unknown = await sent(make(stranger), 'echo', ['unknown signer']);
    const unsigned = await sent(make({}), 'echo', ['unsigned']);
    await using worker = make(signerA).worker();
    await worker.start();
    await feed(client, unknown, unsigned);

    expect(ran).toEqual(['good']);
    expect(lines).toEqual([
      expect.stringMatching(
        /^Can't decode message body: Unknown certificate: 'DE Acme Inc stranger 737894404660' .*content type application\/data/,
      ),
      expect.stringMatching(/^Refusing to deserialize untrusted content of type application\/json/),
    ]);
  });

  test('stores nothing under an id that no signature vouches for: it may be another task’s', async () => {
    const client = make(signerB);
    const pending = await client.sendTask('echo', ['mine']);
    const mine = await taken();
    const forged = { ...mine, body: new Uint8Array([1, 2, 3]) };
    const unsigned: Message = { ...mine, body: jsonSerializer.encode([['x'], {}, {}]), contentType: 'application/json' };
    await using worker = make(signerA).worker();
    await worker.start();
    await feed(client, forged, unsigned, { ...unsigned, contentType: 'application/data' });

    expect(lines).toHaveLength(3);
    expect(await pending.state()).toBe('PENDING');
  });

  test('takes headers as they come unless it is strict, as Celery does', async () => {
    const client = make(signerB);
    const message = await sent(client, 'other', ['swapped']);
    await using worker = make(signerA).worker();
    await worker.start();
    const swapped = { ...message, headers: { ...message.headers, task: 'echo' } };
    await feed(client, swapped, swapped);

    expect(ran).toEqual(['swapped', 'swapped', 'good']);
  });

  describe('strictly', () => {
    const strict = { security_strict: true };

    test('runs what strict senders sign, retries, callbacks and compressed bodies too', async () => {
      const client = make({ ...signerB, ...strict, task_compression: 'gzip' });
      const app = make({ ...signerA, ...strict });
      app.task('again', { maxRetries: 2 }, async function () {
        if (this.request.retries < 2) await this.retry({ countdown: 0 });
        return this.request.retries;
      });
      await using worker = app.worker();
      await worker.start();
      const link = { task: 'echo', args: [], kwargs: {}, options: { task_id: 'linked' }, subtask_type: null, immutable: false };

      expect(await (await client.sendTask('again', [], { link, headers: { 'x-tenant': 'blue', n: 1.5 } })).get(get)).toBe(2);
      expect(await client.asyncResult('linked').get(get)).toBe(2);
      expect(lines).toEqual([]);
    });

    test.each(['json', 'msgpack', 'yaml'])('with %s inside, and with no other type', async (serializer) => {
      const client = make({ ...signerB, ...strict }, { serializer });
      const other = await sent(make({ ...signerB, ...strict }, { serializer: serializer === 'json' ? 'yaml' : 'json' }), 'echo', [
        'other type',
      ]);
      await using worker = make({ ...signerA, ...strict }, { serializer }).worker();
      await worker.start();
      await feed(client, other);

      expect(ran).toEqual(['good']);
      expect(lines).toEqual([expect.stringMatching(/a signed body of type \S+ is not accepted/)]);
    });

    test('refuses swapped headers, replays and tasks without claims', async () => {
      const client = make({ ...signerB, ...strict });
      const message = await sent(client, 'other', ['swapped']);
      const again = await sent(client, 'echo', ['once']);
      const loose = await sent(make(signerB), 'echo', ['no claims']);
      await using worker = make({ ...signerA, ...strict }).worker();
      await worker.start();
      await feed(client, { ...message, headers: { ...message.headers, task: 'echo' } }, again, again, loose);

      expect(ran).toEqual(['once', 'good']);
      expect(lines).toEqual([
        expect.stringContaining('its headers are not those that were signed'),
        expect.stringContaining('it is a replay of a message taken before'),
        expect.stringContaining('this one has none'),
      ]);
    });

    test('refuses what is older than its window', async () => {
      const old = await sent(make({ ...signerB, ...strict }), 'echo', ['old']);
      await using worker = make({ ...signerA, ...strict, security_replay_window: 0.001 }).worker();
      const signedMs = Date.now();
      await expect.poll(() => Date.now()).toBeGreaterThan(signedMs + 1);
      await worker.start();
      await (await channel()).publish(old, address);
      await expect.poll(() => lines).toEqual([expect.stringContaining('more than security_replay_window')]);

      expect(ran).toEqual([]);
    });

    test('takes a message again that comes back before it was settled', async () => {
      await make({ ...signerB, ...strict }).sendTask('requeue');
      const app = make({ ...signerA, ...strict });
      const done = Promise.withResolvers<void>();
      let calls = 0;
      app.task('requeue', { acksLate: true }, () => {
        calls += 1;
        if (calls === 1) throw new Reject('once more', { requeue: true });
        done.resolve();
      });
      await using worker = app.worker();
      await worker.start();
      await done.promise;

      expect(lines).toEqual([]);
    });

    test('refuses a settled message that comes back, marked as delivered again or not', async () => {
      const client = make({ ...signerB, ...strict });
      const message = await sent(client, 'echo', ['once']);
      const open = await channel();
      for (let copies = 0; copies < 2; copies += 1) await open.publish(message, address);
      const copies = [await open.get('celery'), await open.get('celery')];
      for (const copy of copies) await copy?.reject({ requeue: true });
      await using worker = make({ ...signerA, ...strict }).worker();
      await worker.start();
      await feed(client);

      expect(ran).toEqual(['once', 'good']);
      expect(lines).toEqual([expect.stringContaining('replay')]);
    });

    test('a header that cannot be bound is an error of the sender', async () => {
      await expect(make({ ...signerB, ...strict }).sendTask('echo', [], { headers: { blob: new Uint8Array(1) } })).rejects.toThrow(
        'headers.blob',
      );
    });
  });
});
