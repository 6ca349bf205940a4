/** Malformed remote control messages, to a worker of ours and one of Python's at once: both must live and answer afterwards. */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { Celery } from '../../src/celery.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { transportOptions } from '../../test/conformance/transport.ts';
import { rabbitmq, redis } from '../../test/servers.ts';
import type { Child, Server } from '../../test/servers.ts';
import { startOurs, startPython } from './workers.ts';

const reply = { ticket: 't', reply_to: { exchange: 'reply.celery.pidbox', routing_key: 'nobody' } };

/** Bodies, as text where they are no JSON; headers beside them. */
const CASES: Readonly<
  Record<string, { readonly body: unknown; readonly headers?: Readonly<Record<string, unknown>>; readonly contentType?: string }>
> = {
  'P01 not JSON': { body: '{{{' },
  'P02 null': { body: null },
  'P03 a list': { body: [1, 2] },
  'P04 no method': { body: { arguments: {} } },
  'P05 unknown method': { body: { method: 'nosuch', ...reply } },
  'P06 arguments list': { body: { method: 'ping', arguments: [1], ...reply } },
  'P07 destination 5': { body: { method: 'ping', destination: 5, ...reply } },
  'P08 revoke without id': { body: { method: 'revoke', ...reply } },
  'P09 revoke with dict id': { body: { method: 'revoke', arguments: { task_id: { a: 1 } }, ...reply } },
  'P10 rate_limit zz/q': { body: { method: 'rate_limit', arguments: { task_name: 'hostile.good', rate_limit: 'zz/q' }, ...reply } },
  'P11 time_limit of text': { body: { method: 'time_limit', arguments: { task_name: 'hostile.good', soft: 'x', hard: [] }, ...reply } },
  'P12 pool_grow x': { body: { method: 'pool_grow', arguments: { n: 'x' }, ...reply } },
  'P13 bad regex': { body: { method: 'ping', pattern: '(', matcher: 'pcre', ...reply } },
  'P14 reply_to 5': { body: { method: 'ping', ticket: 't', reply_to: 5 } },
  'P15 pickle': { body: 'cos\nsystem\n(S"true"\ntR.', contentType: 'application/x-python-serialize' },
  'P16 expires and clock texts': { body: { method: 'ping', ...reply }, headers: { expires: 'x', clock: 'y' } },
  'P17 clock 2^62': { body: { method: 'ping', ...reply }, headers: { clock: 2n ** 62n } },
  'P18 hello of nobody': { body: { method: 'hello', arguments: { from_node: null, revoked: [null, {}, 5] }, ...reply } },
};

/** What only ours is asked: Python would obey. */
const OURS_ONLY: Readonly<Record<string, object>> = {
  'P19 pool_grow 1e9': { method: 'pool_grow', arguments: { n: 1e9 } },
  'P20 a regex that explodes': { method: 'ping', pattern: '(a+)+$', matcher: 'pcre' },
  'P21 a glob of 100 kB': { method: 'ping', pattern: '*a'.repeat(50_000), matcher: 'glob' },
};

describe('remote control messages', () => {
  let servers: Server[];
  const workers = new Map<string, Child>();
  let connection: Connection;
  let app: Celery;
  beforeAll(async () => {
    servers = await Promise.all([rabbitmq(), redis()]);
    const [broker = '', backend = ''] = servers.map(({ url }) => url);
    const place = { broker, backend, conf: {} };
    workers.set('ours', await startOurs(place, `hostile-${randomUUID()}`));
    workers.set('python', await startPython(place, `hostile-${randomUUID()}`));
    connection = await amqpTransport.connect(parseBrokerUrl(broker), transportOptions());
    app = new Celery('asker', { broker_url: broker });
  });
  afterAll(async () => {
    await app?.close();
    await connection?.close();
    for (const worker of workers.values()) await worker.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const send = async (body: unknown, headers = {}, contentType = 'application/json'): Promise<void> => {
    const channel = await connection.openChannel();
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const message = { body: Buffer.from(text), contentType, contentEncoding: 'utf-8', headers, properties: {} };
    await channel.publish(message, { exchange: 'celery.pidbox', routingKey: '' });
    await channel.close();
  };
  const bothAnswer = async (): Promise<void> => {
    // Python's opens its mailbox anew after an error; what comes meanwhile is lost.
    await expect.poll(async () => (await app.control.ping({ limit: 2, timeout: 1 })).length, { timeout: 30_000 }).toBe(2);
    for (const [name, worker] of workers) expect(worker.exited(), name).toBe(false);
  };

  test.each(Object.entries(CASES))('%s: both live and answer', async (_title, { body, headers, contentType }) => {
    await send(body, headers, contentType);
    await bothAnswer();
  });

  test.each(Object.entries(OURS_ONLY))('%s: ours lives and answers in time', async (_title, body) => {
    const [node = ''] = Object.keys((await app.control.inspect({ limit: 2, timeout: 20 }).stats()) ?? {}).filter((name) =>
      name.startsWith('celery@'),
    );
    const began = performance.now();

    await send({ ...body, destination: 'pattern' in body ? null : [node] });
    expect(await app.control.ping({ destination: [node], timeout: 20 })).toHaveLength(1);

    expect(performance.now() - began).toBeLessThan(5000);
    await bothAnswer();
  });
});
