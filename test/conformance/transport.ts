import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ConnectionError, MessageStateError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemHost } from '../../src/driver/host.ts';
import type { Message } from '../../src/message/message.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import type { Queue } from '../../src/routing/queue.ts';
import { unpackEnvelope } from '../../src/transport/virtual/envelope.ts';
import type { Channel, Connection, Delivery, Transport, TransportOptions } from '../../src/transport/transport.ts';

/** Where a transport is tried. */
export interface TransportPlace {
  readonly transport: Transport;
  readonly url: string;
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  /** Names of tests this transport cannot pass, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

export function transportOptions(given: Readonly<Record<string, unknown>> = {}): TransportOptions {
  return {
    host: systemHost,
    logger: silentLogger,
    connectTimeoutMs: 4000,
    heartbeatMs: 10_000,
    maxBodyBytes: 1e9,
    transportOptions: given,
  };
}

export function textMessage(text: string, headers: Message['headers'] = {}): Message {
  return {
    body: new TextEncoder().encode(text),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers,
    properties: { deliveryMode: 2, priority: 3, correlationId: 'c', replyTo: 'r' },
  };
}

/** What every transport does, whatever the broker. */
export function transportConformance(name: string, place: () => Promise<TransportPlace>): void {
  describe(`${name} transport`, () => {
    let connection: Connection;
    let channel: Channel;
    let queue: Queue;

    beforeEach(async () => {
      const { transport, url, transportOptions: given } = await place();
      connection = await transport.connect(parseBrokerUrl(url), transportOptions(given));
      channel = await connection.openChannel();
      queue = plainQueue(`conformance-${randomUUID()}`);
      await channel.declareQueue(queue);
    });
    afterEach(async () => {
      if (channel.isOpen) await channel.deleteQueue(queue.name);
      await connection.close();
    });

    const send = (text: string, headers?: Message['headers']): Promise<void> =>
      channel.publish(textMessage(text, headers), { exchange: '', routingKey: queue.name });

    test('a queue may be declared twice', async () => {
      await channel.declareQueue(queue);

      expect(await channel.size(queue.name)).toBe(0);
    });

    test('its counts are what waits, and who consumes where the broker knows', async () => {
      await send('one');
      expect(await channel.counts(queue.name)).toMatchObject({ messages: 1 });

      const other = await connection.openChannel();
      const consumer = await other.consume([queue], {
        prefetch: 1,
        noAck: true,
        onDelivery: () => undefined,
        onCancelled: () => undefined,
      });
      await expect.poll(() => channel.size(queue.name)).toBe(0);
      const { consumers } = await channel.counts(queue.name);
      expect(consumers).toBe(connection.kind.driverType === 'amqp' ? 1 : undefined);
      expect(consumer.queues).toEqual([queue.name]);

      await consumer.cancel();
      expect(consumer.queues).toEqual([]);
      await other.close();
    });

    test('messages arrive in the order they were sent', async () => {
      for (let index = 0; index < 20; index += 1) await send(String(index));

      const received = await consumed(channel, queue, 20);

      expect(received.map(text)).toEqual(Array.from({ length: 20 }, (_item, index) => String(index)));
    });

    test('a peek shows the head and leaves it there', async () => {
      expect(await channel.peek(queue.name)).toBeUndefined();
      for (const body of ['first', 'second']) await send(body);

      const seen = [await channel.peek(queue.name), await channel.peek(queue.name)].map((peeked) => {
        if (peeked === undefined) return undefined;
        return new TextDecoder().decode('message' in peeked ? peeked.message.body : unpackEnvelope(peeked.payload).message.body);
      });

      expect(seen).toEqual(['first', 'first']);
      expect((await consumed(channel, queue, 2)).map(text)).toEqual(['first', 'second']);
    });

    test('headers and properties survive', async () => {
      const headers = {
        text: 'zażółć 🐇',
        int: 300,
        small: -1,
        big: 2 ** 40,
        float: 1.5,
        none: null,
        yes: true,
        list: [1, 'a', [2]],
        map: { a: { b: 200 } },
      };
      await send('x', headers);

      const [delivery] = await consumed(channel, queue, 1);

      expect(delivery?.message.headers).toMatchObject(headers);
      expect(delivery?.message).toMatchObject({ contentType: 'application/json', contentEncoding: 'utf-8' });
      expect(delivery?.message.properties).toMatchObject({ deliveryMode: 2, priority: 3, correlationId: 'c', replyTo: 'r' });
      expect(delivery?.info).toMatchObject({ exchange: '', routingKey: queue.name, redelivered: false });
    });

    test('a message to the exchange of a bound queue reaches it', async () => {
      await channel.publish(textMessage('by exchange'), { exchange: queue.name, routingKey: queue.name });

      const [delivery] = await consumed(channel, queue, 1);

      expect(text(delivery)).toBe('by exchange');
    });

    test('no more than prefetch are handed out unsettled, until it grows', async () => {
      for (let index = 0; index < 6; index += 1) await send(String(index));
      const arrivals = new Arrivals();
      const consumer = await channel.consume([queue], {
        prefetch: 2,
        noAck: false,
        onDelivery: arrivals.push,
        onCancelled: () => undefined,
      });
      const first = await arrivals.take(2);

      await first[0]?.ack();
      await arrivals.take(1);
      expect(arrivals.total).toBe(3);

      await consumer.setPrefetch(4);
      await arrivals.take(2);
      expect(arrivals.total).toBe(5);
    });

    test('an acked message is gone', async () => {
      await send('once');
      const [delivery] = await consumed(channel, queue, 1);

      await delivery?.ack();
      await channel.close();

      expect(await sizeLater(connection, queue)).toBe(0);
    });

    test('rejected without requeue is gone, with requeue it comes again', async () => {
      await send('a');
      const first = await channel.get(queue.name);
      await first?.reject({ requeue: true });
      const again = await eventually(() => channel.get(queue.name));

      expect(again.info.redelivered).toBe(true);
      await again.reject({ requeue: false });
      expect(await channel.get(queue.name)).toBeUndefined();
    });

    test('what was not settled goes back when the channel closes', async () => {
      for (const item of ['1', '2', '3']) await send(item);
      const deliveries = await consumed(channel, queue, 3);
      await deliveries[0]?.ack();

      await channel.close();

      channel = await connection.openChannel();
      const back = await consumed(channel, queue, 2);
      expect(back.map(text)).toEqual(['2', '3']);
    });

    test('settling twice is refused', async () => {
      await send('x');
      const [delivery] = await consumed(channel, queue, 1);
      await delivery?.ack();

      expect(() => delivery?.ack()).toThrow(MessageStateError);
    });

    test('two consumers share a queue and each message goes to one', async () => {
      const other = await connection.openChannel();
      const seen: string[] = [];
      const all = Promise.withResolvers<void>();
      const onDelivery = (delivery: Delivery): void => {
        seen.push(text(delivery));
        void delivery.ack();
        if (seen.length === 40) all.resolve();
      };
      for (const one of [channel, other])
        await one.consume([queue], { prefetch: 3, noAck: false, onDelivery, onCancelled: () => undefined });

      for (let index = 0; index < 40; index += 1) await send(String(index));
      await all.promise;

      expect(new Set(seen).size).toBe(40);
    });

    test('a cancelled consumer gets nothing more', async () => {
      const arrivals = new Arrivals();
      const consumer = await channel.consume([queue], {
        prefetch: 0,
        noAck: false,
        onDelivery: arrivals.push,
        onCancelled: () => undefined,
      });
      await send('before');
      await arrivals.take(1);

      await consumer.cancel();
      await send('after');

      expect(await sizeLater(connection, queue)).toBe(1);
      expect(arrivals.total).toBe(1);
    });

    test('a running consumer takes one more queue, and one less', async () => {
      const other = plainQueue(`${queue.name}-other`);
      await channel.declareQueue(other);
      const arrivals = new Arrivals();
      const consumer = await channel.consume([queue], {
        prefetch: 0,
        noAck: false,
        onDelivery: arrivals.push,
        onCancelled: () => undefined,
      });
      await channel.publish(textMessage('other'), { exchange: '', routingKey: other.name });
      await send('first');
      expect((await arrivals.take(1)).map(text)).toEqual(['first']);

      await consumer.addQueue(other);
      expect((await arrivals.take(1)).map(text)).toEqual(['other']);
      await consumer.removeQueue(queue.name);
      await send('stays');
      await channel.publish(textMessage('goes'), { exchange: '', routingKey: other.name });

      expect((await arrivals.take(1)).map(text)).toEqual(['goes']);
      expect(await sizeLater(connection, queue)).toBe(1);
      await channel.deleteQueue(other.name);
    });

    test('purge empties a queue and counts', async () => {
      for (const item of ['1', '2', '3']) await send(item);

      expect(await channel.purge(queue.name)).toBe(3);
      expect(await channel.size(queue.name)).toBe(0);
    });

    test('a fanout exchange gives each of its queues one copy', async () => {
      const [one, two] = [fanoutQueue(queue.name, '1'), fanoutQueue(queue.name, '2')] as const;
      const [first, second, sender] = [await connection.openChannel(), await connection.openChannel(), await connection.openChannel()];
      const arrivals = [await listening(first, one), await listening(second, two)];
      await sender.declareExchange(one.exchange);

      await sender.publish(textMessage('all'), { exchange: one.exchange.name, routingKey: '' });
      const seen = await Promise.all(arrivals.map((arrival) => arrival.take(1)));

      expect(seen.flat().map(text)).toEqual(['all', 'all']);
      expect(seen.flat().map(({ settled }) => settled)).toEqual([true, true]);
      expect(seen.flat().map(({ info }) => info.exchange)).toEqual([one.exchange.name, one.exchange.name]);
    });

    test('a queue with autoDelete goes with its consumer, and its binding too', async () => {
      const passing = fanoutQueue(queue.name, 'passing');
      const first = await connection.openChannel();
      const earlier = await listening(first, passing);
      await first.publish(textMessage('before'), { exchange: passing.exchange.name, routingKey: '' });
      await earlier.take(1);
      await first.close();
      const sender = await connection.openChannel();
      await sender.declareExchange(passing.exchange);
      await sender.publish(textMessage('nobody there'), { exchange: passing.exchange.name, routingKey: '' });

      const later = await listening(await connection.openChannel(), passing);
      await sender.publish(textMessage('after'), { exchange: passing.exchange.name, routingKey: '' });

      expect((await later.take(1)).map(text)).toEqual(['after']);
    });

    test('after close everything rejects and closed resolves', async () => {
      await connection.close();

      expect(await connection.closed).toBeUndefined();
      await expect((async () => channel.publish(textMessage('x'), { exchange: '', routingKey: queue.name }))()).rejects.toBeInstanceOf(
        ConnectionError,
      );
    });
  });
}

/** As Celery declares the mailbox of a node. */
function fanoutQueue(exchange: string, name: string): Queue {
  return {
    name: `${exchange}-${name}.pidbox`,
    exchange: { name: `${exchange}.pidbox`, type: 'fanout', durable: false, autoDelete: false },
    routingKey: '',
    durable: false,
    autoDelete: true,
    exclusive: true,
    arguments: { 'x-expires': 10_000, 'x-message-ttl': 300_000 },
  };
}

async function listening(channel: Channel, queue: Queue): Promise<Arrivals> {
  const arrivals = new Arrivals();
  await channel.declareQueue(queue);
  await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery: arrivals.push, onCancelled: () => undefined });
  return arrivals;
}

/** Deliveries as they come, to be awaited. */
export class Arrivals {
  total = 0;
  readonly #items: Delivery[] = [];
  #wake: (() => void) | undefined;

  readonly push = (delivery: Delivery): void => {
    this.total += 1;
    this.#items.push(delivery);
    this.#wake?.();
  };

  async take(count: number): Promise<Delivery[]> {
    while (this.#items.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#items.splice(0, count);
  }
}

export function text(delivery: Delivery | undefined): string {
  return delivery === undefined ? '' : new TextDecoder().decode(delivery.message.body);
}

async function consumed(channel: Channel, queue: Queue, count: number): Promise<Delivery[]> {
  const arrivals = new Arrivals();
  await channel.consume([queue], { prefetch: 0, noAck: false, onDelivery: arrivals.push, onCancelled: () => undefined });
  return arrivals.take(count);
}

/** The size of a queue once the broker has settled what was closed. */
async function sizeLater(connection: Connection, queue: Queue): Promise<number> {
  const channel = await connection.openChannel();
  try {
    return await channel.size(queue.name);
  } finally {
    await channel.close();
  }
}

/** Asks until there is an answer. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('nothing came');
}
