import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
      for (let index = 0; index < count; index += 1)
        await channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name });
      return queue;
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

    test('shrinks to what it was, and below', async () => {
      const queue = await filled(0);
      const consumer = await consume([queue], 4);
      await consumer.setPrefetch(50);
      expect(await consumers(queue)).toBe(2);

      await consumer.setPrefetch(4);
      expect(await consumers(queue)).toBe(1);
      await consumer.setPrefetch(2);
      expect(await consumers(queue)).toBe(1);

      for (let index = 0; index < 6; index += 1)
        await channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name });
      await arrivals.take(2);
      expect(await settled(queue)).toBe(2);
    });

    test('changes asked for at once leave no consumer that goodbye does not reach', async () => {
      const queue = await filled(0);
      const consumer = await consume([queue], 8);

      await Promise.all([consumer.setPrefetch(2), consumer.setPrefetch(9), consumer.setPrefetch(1), consumer.cancel()]);

      expect(await consumers(queue)).toBe(0);
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

    test('a queue added later has the whole prefetch of now', async () => {
      const [first, later] = [await filled(0), await filled(20)];
      const consumer = await consume([first], 4);
      await consumer.setPrefetch(6);

      await consumer.addQueue(later);

      const held = await arrivals.take(6);
      expect(await settled(later)).toBe(6);
      await consumer.cancel();
      for (const delivery of held) await delivery.ack();
      await expect.poll(() => consumers(later)).toBe(0);
    });

    test('a queue with a single active consumer grows too', async () => {
      const queue = await filled(30, { 'x-single-active-consumer': true });
      const consumer = await consume([queue], 4);
      const first = await arrivals.take(4);

      await consumer.setPrefetch(6);

      await arrivals.take(2);
      // A cancelled consumer counts for as long as a message of it is out.
      for (const delivery of first) await delivery.ack();
      await expect.poll(() => consumers(queue)).toBe(1);
    });

    test('no limit, and a limit again', async () => {
      const queue = await filled(30);
      const consumer = await consume([queue], 4);

      await consumer.setPrefetch(0);
      const all = await arrivals.take(30);
      await consumer.setPrefetch(4);

      for (const delivery of all) await delivery.ack();
      for (let index = 0; index < 6; index += 1)
        await channel.publish(textMessage(String(index)), { exchange: '', routingKey: queue.name });
      await arrivals.take(4);
      expect(await settled(queue)).toBe(34);
    });
  });
}
