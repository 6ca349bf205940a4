import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import type { Queue } from '../../src/routing/queue.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Channel, Connection, Consumer } from '../../src/transport/transport.ts';
import { Arrivals, textMessage, transportOptions } from './transport.ts';

/** Queues, declared with `args`, whose consumers keep the prefetch that they started with. `url` is asked for when it begins. */
export function prefetchConformance(name: string, url: () => string, args: Readonly<Record<string, unknown>>): void {
  describe(`the prefetch of ${name}`, () => {
    let connection: Connection;
    let channel: Channel;
    let arrivals: Arrivals;
    beforeEach(async () => {
      connection = await amqpTransport.connect(parseBrokerUrl(url()), transportOptions());
      channel = await connection.openChannel();
      arrivals = new Arrivals();
    });
    afterEach(() => connection.close());

    const consume = (queues: readonly Queue[], prefetch: number): Promise<Consumer> =>
      channel.consume(queues, { prefetch, noAck: false, onDelivery: arrivals.push, onCancelled: () => undefined });

    async function filled(count: number, more: Readonly<Record<string, unknown>> = {}): Promise<Queue> {
      const queue = { ...plainQueue(`prefetch-${randomUUID()}`), arguments: { ...args, ...more } };
      await channel.declareQueue(queue);
      await fill(queue, count);
      return queue;
    }

    async function fill(queue: Queue, count: number): Promise<void> {
      for (let index = 0; index < count; index += 1)
        await channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name });
    }

    const consumers = async (queue: Queue): Promise<number | undefined> => (await channel.counts(queue.name)).consumers;
    /** What the broker was ready to send before this round trip has come. */
    const settled = async (queue: Queue): Promise<number> => {
      for (let round = 0; round < 20; round += 1) await channel.counts(queue.name);
      return arrivals.total;
    };

    test('grows by what was added, and what is out still counts', async () => {
      const queue = await filled(30);
      const consumer = await consume([queue], 4);
      await arrivals.take(4);

      await consumer.setPrefetch(6);

      await arrivals.take(2);
      expect(await settled(queue)).toBe(6);
    });

    test('grows one by one in few consumers, by no more than a quarter beyond', async () => {
      const queue = await filled(150);
      const consumer = await consume([queue], 4);

      for (let prefetch = 5; prefetch <= 100; prefetch += 1) await consumer.setPrefetch(prefetch);

      await arrivals.take(100);
      expect(await settled(queue)).toBeLessThanOrEqual(125);
      expect(await consumers(queue)).toBeLessThan(16);
    });

    test.each([
      { to: 50, whole: 50 },
      { to: 40, whole: 50 },
      { to: 20, whole: 20 },
      { to: 4, whole: 4 },
      { to: 2, whole: 2 },
    ])('shrinks from 50 to $to', async ({ to, whole }) => {
      const queue = await filled(0);
      const consumer = await consume([queue], 4);
      await consumer.setPrefetch(50);

      await consumer.setPrefetch(to);

      await fill(queue, 60);
      await arrivals.take(whole);
      expect(await settled(queue)).toBe(whole);
    });

    test('to and fro within a quarter starts no consumer anew', async () => {
      const queue = await filled(100);
      const consumer = await consume([queue], 20);

      for (let round = 0; round < 20; round += 1) await consumer.setPrefetch(20 + (round % 6));

      await arrivals.take(25);
      expect(await settled(queue)).toBe(25);
    });

    test('cut and grown while nothing is settled, it hands out nothing more', async () => {
      const queue = await filled(200);
      const consumer = await consume([queue], 4);

      for (let round = 0; round < 4; round += 1) for (const prefetch of [50, 4]) await consumer.setPrefetch(prefetch);

      await arrivals.take(50);
      expect(await settled(queue)).toBe(50);
    });

    test('what was out at a cut is handed out again as it is settled', async () => {
      const queue = await filled(200);
      const consumer = await consume([queue], 4);
      for (const prefetch of [50, 4, 50]) await consumer.setPrefetch(prefetch);
      const [, , , , ...cut] = await arrivals.take(50);
      expect(await settled(queue)).toBe(50);

      for (const delivery of cut) await delivery.ack();

      // At least three quarters of the prefetch are out again, besides the first four.
      await arrivals.take(34);
      expect(await settled(queue)).toBeLessThanOrEqual(46 + 75);
    });

    test('what is settled while a cut is made is handed out again', async () => {
      const queue = await filled(9);
      const consumer = await consume([queue], 9);
      const all = await arrivals.take(9);

      const cut = consumer.setPrefetch(4);
      // The broker has been asked, and has not answered yet.
      await new Promise((resolve) => setImmediate(resolve));
      for (const delivery of all) await delivery.ack();
      await cut;

      await fill(queue, 10);
      await arrivals.take(4);
      expect(await settled(queue)).toBe(13);
    });

    test('a queue that goes with its last consumer outlives a cut', async () => {
      const queue = await filled(0);
      const fleeting = { ...plainQueue(`fleeting-${randomUUID()}`), autoDelete: true };
      await channel.declareQueue(fleeting);
      const consumer = await consume([queue, fleeting], 9);

      await consumer.setPrefetch(2);

      await fill(fleeting, 5);
      await arrivals.take(2);
      expect((await channel.counts(fleeting.name)).messages).toBe(3);
    });

    test('changes asked for at once leave no consumer that goodbye does not reach', async () => {
      for (let calls = 0; calls < 6; calls += 1) {
        const queue = await filled(0);
        const consumer = await consume([queue], 8);
        const changes = [];
        for (const prefetch of [2, 9, 1, 30]) {
          changes.push(consumer.setPrefetch(prefetch));
          // One answer on the channel comes after another.
          for (let call = 0; call < calls; call += 1) await channel.counts(queue.name);
        }

        await Promise.all([...changes, consumer.cancel()]);

        expect(await consumers(queue)).toBe(0);
      }
    });

    test('a busy queue of many consumers goes back whole', async () => {
      const queue = await filled(40);
      const consumer = await consume([queue], 4);
      await consumer.setPrefetch(9);
      await consumer.setPrefetch(20);
      const taken = await arrivals.take(20);

      await consumer.cancel();
      for (const delivery of taken.toReversed()) await delivery.reject({ requeue: true });

      await expect.poll(async () => (await channel.counts(queue.name)).messages).toBe(40);
      expect(arrivals.total).toBe(20);
    });

    test('a queue given up while the prefetch changes stays given up', async () => {
      const [kept, given] = [await filled(0), await filled(0)];
      const consumer = await consume([kept, given], 30);

      for (let calls = 0; calls < 8; calls += 1) {
        const shrunk = consumer.setPrefetch(20 - calls);
        // One answer on the channel comes after another.
        for (let call = 0; call < calls; call += 1) await channel.counts(kept.name);
        await Promise.all([shrunk, consumer.removeQueue(given.name)]);

        expect(consumer.queues).toEqual([kept.name]);
        expect(await consumers(given)).toBe(0);
        await consumer.addQueue(given);
      }
    });

    test('a queue given up goes from every layer, and others stay', async () => {
      const [kept, given] = [await filled(0), await filled(0)];
      const consumer = await consume([kept, given], 4);
      await consumer.setPrefetch(6);

      await consumer.removeQueue(given.name);
      await consumer.setPrefetch(12);

      expect(consumer.queues).toEqual([kept.name]);
      expect(await consumers(given)).toBe(0);
      await fill(kept, 20);
      await arrivals.take(12);
      expect(await settled(kept)).toBe(12);
    });

    test('a queue added later has the whole prefetch of now, and grows and shrinks with the others', async () => {
      const [first, later] = [await filled(0), await filled(30)];
      const consumer = await consume([first], 4);
      await consumer.setPrefetch(6);

      await consumer.addQueue(later);

      const six = await arrivals.take(6);
      expect(await settled(later)).toBe(6);
      await consumer.setPrefetch(12);
      const more = await arrivals.take(6);
      expect(await settled(later)).toBe(12);
      await consumer.setPrefetch(4);
      for (const delivery of [...six, ...more]) await delivery.ack();
      await arrivals.take(6);
      expect(await settled(later)).toBe(18);
    });

    test('a queue with a single active consumer keeps it, and its first prefetch', async () => {
      const queue = await filled(30, { 'x-single-active-consumer': true });
      const consumer = await consume([queue], 4);
      await arrivals.take(4);
      const other = await amqpTransport.connect(parseBrokerUrl(url()), transportOptions());
      onTestFinished(() => other.close());
      const heard = new Arrivals();
      const waits = { prefetch: 1, noAck: false, onDelivery: heard.push, onCancelled: () => undefined };
      await (await other.openChannel()).consume([queue], waits);

      await consumer.setPrefetch(6);

      expect(await settled(queue)).toBe(4);
      expect(heard.total).toBe(0);
    });

    test('no limit, and a limit again', async () => {
      const queue = await filled(30);
      const consumer = await consume([queue], 4);

      await consumer.setPrefetch(0);
      const all = await arrivals.take(30);
      await consumer.setPrefetch(4);

      for (const delivery of all) await delivery.ack();
      await fill(queue, 6);
      await arrivals.take(4);
      expect(await settled(queue)).toBe(34);
    });
  });
}
