import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerLink } from '../../src/app/connection.ts';
import { Publisher } from '../../src/app/publisher.ts';
import type { PublishJob } from '../../src/app/publisher.ts';
import { parseSettings } from '../../src/app/settings.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { BrokerBlockedError, ChannelError, OperationalError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemHost } from '../../src/driver/host.ts';
import type { Message } from '../../src/message/message.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import type { Queue } from '../../src/routing/queue.ts';
import { loadTransport } from '../../src/transport/registry.ts';
import { Arrivals, text, textMessage } from '../conformance/transport.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';
import { rabbitmqBinary, startRabbitmq } from '../servers/rabbitmq.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

const settings = parseSettings({});
const linkTo = (url: string): BrokerLink =>
  new BrokerLink({ urls: [parseBrokerUrl(url)], settings, host: systemHost, logger: silentLogger, loadTransport });

function job(message: Message, queue: Queue | string): PublishJob<void> {
  const name = typeof queue === 'string' ? queue : queue.name;
  const route = { address: { exchange: '', routingKey: name }, queue: typeof queue === 'string' ? undefined : queue };
  return { before: () => undefined, encode: () => message, confirmed: () => undefined, route, policy: settings.task_publish_retry_policy };
}

/** Every text in a queue, in order, without the repetitions a resend may leave. */
async function drained(link: BrokerLink, queue: Queue, count: number): Promise<string[]> {
  const channel = await (await link.open()).openChannel();
  const arrivals = new Arrivals();
  await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery: arrivals.push, onCancelled: () => undefined });
  const seen = new Set<string>();
  while (seen.size < count) for (const delivery of await arrivals.take(1)) seen.add(text(delivery));
  await channel.deleteQueue(queue.name);
  return [...seen];
}

describe('publisher', () => {
  test('a message the broker refuses by closing the channel rejects alone; the others arrive', async () => {
    const link = linkTo(server.url);
    const publisher = new Publisher(link);
    const queue = plainQueue(`guilty-${randomUUID()}`);
    const texts = Array.from({ length: 100 }, (_item, index) => String(index));
    const guilty = { ...textMessage('guilty'), properties: { expiration: 'never' } };

    const sends = texts.map((item) => publisher.publish(job(textMessage(item), queue)));
    const refused = publisher.publish(job(guilty, queue)).catch((error: unknown) => error);
    sends.push(...texts.map((item) => publisher.publish(job(textMessage(`later ${item}`), queue))));

    await Promise.all(sends);
    expect(await refused).toBeInstanceOf(ChannelError);
    expect(await refused).toMatchObject({ replyCode: 406 });
    expect(await drained(link, queue, 200)).toEqual([...texts, ...texts.map((item) => `later ${item}`)]);
    await publisher.close(1000);
    await link.close();
  });

  test('what was in flight while a declare failed is sent again', async () => {
    await using proxy = await faultProxy(server.url);
    const link = linkTo(proxy.url);
    const publisher = new Publisher(link);
    const first = plainQueue(`first-${randomUUID()}`);
    const second = plainQueue(`second-${randomUUID()}`);
    await publisher.publish(job(textMessage('warm'), first));
    proxy.freeze(true);
    const sends = [publisher.publish(job(textMessage('in flight'), first)), publisher.publish(job(textMessage('declares'), second))];

    proxy.freeze(false);
    proxy.cut();

    await Promise.all(sends);
    expect(await drained(link, first, 2)).toEqual(['warm', 'in flight']);
    expect(await drained(link, second, 1)).toEqual(['declares']);
    await publisher.close(1000);
    await link.close();
  });

  test('a broker that is down rejects every waiting send after one retry policy, not one after the other', async () => {
    await using proxy = await faultProxy(server.url);
    proxy.refuse(true);
    const link = linkTo(proxy.url);
    const publisher = new Publisher(link);
    const began = performance.now();

    const sends = await Promise.allSettled(Array.from({ length: 2000 }, () => publisher.publish(job(textMessage('x'), 'nowhere'))));

    expect(sends.every((sent) => sent.status === 'rejected' && sent.reason instanceof OperationalError)).toBe(true);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(proxy.accepted).toBe(4);
    await publisher.close(0);
    await link.close();
  });

  test('a broker that blocks rejects what is in flight and what waits', async ({ skip }) => {
    const binary = await rabbitmqBinary();
    if (binary === undefined) return skip('needs a RabbitMQ of its own with a memory alarm');
    await using full = await startRabbitmq(binary, { config: 'vm_memory_high_watermark.absolute = 1' });
    const link = linkTo(full.url);
    const publisher = new Publisher(link, { blockedTimeoutMs: 1000 });

    const sends = await Promise.allSettled([1, 2, 3].map((item) => publisher.publish(job(textMessage(String(item)), 'nowhere'))));

    for (const sent of sends) expect(sent).toMatchObject({ status: 'rejected', reason: expect.any(BrokerBlockedError) });
    await publisher.close(0);
    await link.close();
  });
});
