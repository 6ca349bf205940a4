import { describe, expect, test } from 'vitest';
import { encodeMessage } from '../../src/message/encode.ts';
import type { Headers } from '../../src/message/message.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { harness } from './harness.ts';

const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null };

describe('a message over a limit', () => {
  const h = harness({
    message_max_bytes: 3000,
    message_max_decompressed_bytes: 5000,
    message_max_depth: 10,
    message_max_headers: 5,
    message_max_header_bytes: 500,
    message_max_id_length: 20,
  });

  const send = async (value: unknown, headers: Headers, compress = false): Promise<void> => {
    const channel = await h.broker();
    const compressor = compress ? zlibCompressor : undefined;
    const message = encodeMessage(value, {
      serializer: h.app.serializers.byName('json'),
      compressor,
      headers: { task: 'fine', ...headers },
      properties: {},
    });
    await channel.publish(message, { exchange: '', routingKey: 'celery' });
  };

  test.each<[string, unknown[], Headers, boolean?]>([
    ['body bytes', ['x'.repeat(3000)], {}],
    ['decompressed bytes', ['x'.repeat(5000)], {}, true],
    ['depth', [[[[[[[[[[1]]]]]]]]]], {}],
    ['headers', [1], { a: 1, b: 2, c: 3, d: 4 }],
    ['header bytes', [1], { a: 'x'.repeat(500) }],
  ])('of %s fails without being run, with one line; the next one runs', async (_name, args, headers, compress) => {
    let ran = 0;
    h.app.task('fine', () => (ran += 1));
    await h.start();

    await send([args, {}, EMBED], { id: 'over', ...headers }, compress);

    await expect(h.app.asyncResult('over').get({ timeout: 5 })).rejects.toMatchObject({ excType: 'DecodeError' });
    expect(ran).toBe(0);
    expect(h.lines.filter((line) => line.startsWith('critical'))).toHaveLength(1);
    await send([[1], {}, EMBED], { id: 'under' });
    expect(await h.app.asyncResult('under').get({ timeout: 5 })).toBe(1);
  });

  test('of the id is disposed of: nothing can be stored under it', async () => {
    h.app.task('fine', () => 1);
    await h.start();

    await send([[], {}, EMBED], { id: 'i'.repeat(21) });
    await send([[], {}, EMBED], { id: 'i'.repeat(20) });

    expect(await h.app.asyncResult('i'.repeat(20)).get({ timeout: 5 })).toBe(1);
    expect(h.lines.filter((line) => line.startsWith('error'))).toEqual([expect.stringContaining('text of 1 to 20 characters')]);
    expect(await h.app.asyncResult('i'.repeat(21)).state()).toBe('PENDING');
  });
});

describe('a flood of messages that never can run', () => {
  const h = harness({ worker_rejected_log_rate: 5 });

  test('is disposed of to the last one, in few lines', async () => {
    h.app.task('fine', (x: number) => x);
    const worker = await h.start();
    const channel = await h.broker();
    const broken = { contentType: 'application/json', contentEncoding: 'utf-8', body: new TextEncoder().encode('{'), properties: {} };

    const results = [];
    for (let index = 0; index < 200; index += 1) {
      await channel.publish({ ...broken, headers: { task: 'fine', id: `bad-${index}` } }, { exchange: '', routingKey: 'celery' });
      results.push(await h.app.sendTask('fine', [index]));
    }
    expect(await Promise.all(results.map((result) => result.get({ timeout: 5 })))).toEqual(results.map((_result, index) => index));
    await worker.stop();

    for (const index of [0, 199]) expect(await h.app.asyncResult(`bad-${index}`).state()).toBe('FAILURE');
    const critical = h.lines.filter((line) => line.startsWith('critical'));
    expect(critical.length).toBeLessThan(50);
    const withheld = critical.map((line) => Number(/(\d+) more messages that cannot be decoded/.exec(line)?.[1] ?? 0));
    expect(withheld.reduce((sum, count) => sum + count, 0) + withheld.filter((count) => count === 0).length).toBe(200);
  });
});
