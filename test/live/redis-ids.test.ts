import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { redis } from '../servers.ts';
import type { Server } from '../servers.ts';

const IDS = ['*', '?', '[a-z]*', '\\*', 'a\r\nSET pwned 1\r\n', 'nul\0', '../../x', '😀', 'i'.repeat(1024 * 1024), '__proto__'];

describe('ids that mean something to Redis', () => {
  let store: Server;
  let admin: Redis;
  beforeAll(async () => {
    store = await redis();
    admin = new Redis(store.url);
  });
  afterAll(async () => {
    admin?.disconnect();
    await store?.stop();
  });

  test.each(IDS.map((id) => [JSON.stringify(id).slice(0, 40), id]))('%s names one key and one channel', async (_shown, id) => {
    await using app = new Celery('ids', { broker_url: 'memory://', result_backend: store.url });
    const another = `other-${randomUUID()}`;
    await admin.flushall();
    const waiting = app.asyncResult(id).get({ timeout: 10 });
    const channel = await subscription(id);
    expect(await admin.pubsub('NUMPAT')).toBe(0);
    await admin.set(
      `celery-task-meta-${another}`,
      JSON.stringify({ task_id: another, status: 'SUCCESS', result: 'another', children: [] }),
    );
    await admin.publish(`celery-task-meta-${another}`, JSON.stringify({ task_id: id, status: 'SUCCESS', result: 'forged' }));

    await admin.publish(channel, JSON.stringify({ task_id: id, status: 'SUCCESS', result: 'own', children: [] }));

    expect(await waiting).toBe('own');
    await app.asyncResult(id).forget();
    expect(await admin.keys('*')).toEqual([`celery-task-meta-${another}`]);
  });

  /** The channel that a client listens on, as soon as it does. */
  async function subscription(id: string): Promise<Buffer> {
    const name = Buffer.from(`celery-task-meta-${id}`);
    for (;;) {
      const channels = (await admin.callBuffer('PUBSUB', 'CHANNELS')) as Buffer[];
      const found = channels.find((channel) => channel.equals(name));
      if (found !== undefined) return found;
      if (channels.length > 0) throw new Error(`listens on ${String(channels[0]).slice(0, 100)}`);
    }
  }
});
