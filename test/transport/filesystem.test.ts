import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ChannelError } from '../../src/base/errors.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { filesystemTransport } from '../../src/transport/filesystem.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { Arrivals, text, textMessage, transportConformance, transportOptions } from '../conformance/transport.ts';

function folders(root = mkdtempSync(join(tmpdir(), 'tq-fs-'))): { root: string; data: string; options: Record<string, string> } {
  const data = join(root, 'data');
  return { root, data, options: { data_folder_in: data, data_folder_out: data, control_folder: join(root, 'control') } };
}

const connect = (options: Record<string, string>): Promise<Connection> =>
  filesystemTransport.connect(parseBrokerUrl('filesystem://'), transportOptions(options));

transportConformance('filesystem', () =>
  Promise.resolve({ transport: filesystemTransport, url: 'filesystem://', transportOptions: folders().options }),
);

describe('filesystem transport on disk', () => {
  test('a message is a file that kombu knows by what follows the first dot', async () => {
    const { data, options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();

    await channel.publish(textMessage('x'), { exchange: '', routingKey: 'celery' });

    const [name] = readdirSync(data).filter((file) => file.endsWith('.msg'));
    expect(name).toMatch(/^\d+_[0-9a-f-]{36}\.celery\.msg$/);
    await connection.close();
  });

  test('queue b does not take the messages of a.b', async () => {
    const { options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();
    await channel.publish(textMessage('x'), { exchange: '', routingKey: 'a.b' });

    expect(await channel.get('b')).toBeUndefined();
    expect(text(await channel.get('a.b'))).toBe('x');
    await connection.close();
  });

  test.each(['../../x', 'a/b', 'nul\0', 'x'.repeat(300), ''])('the queue name %j is refused', async (name) => {
    const { options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();

    await expect(channel.publish(textMessage('x'), { exchange: '', routingKey: name })).rejects.toBeInstanceOf(ChannelError);
    await connection.close();
  });

  test.each(['prio:high', '..', 'nul', 'COM1.x'])('the exchange name %s, which kombu 5.7 refuses, is refused', async (name) => {
    const { options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();

    await expect(channel.declareQueue(plainQueue(name))).rejects.toBeInstanceOf(ChannelError);
    await connection.close();
  });

  test.each([
    ['empty', ''],
    ['garbage', 'not json'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no properties', '{"body":"eA==","headers":{}}'],
    [
      'a body that is not base64',
      '{"body":"*","headers":{},"properties":{"delivery_tag":"t","delivery_info":{"exchange":"","routing_key":"q"},"body_encoding":"base64"}}',
    ],
  ])('a file that holds %s is put aside and the next message runs', async (_what, contents) => {
    const { data, options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();
    const file = join(data, `0_${randomUUID()}.q.msg`);
    writeFileSync(file, contents);
    const old = new Date(Date.now() - 60_000);
    utimesSync(file, old, old);
    await channel.publish(textMessage('good'), { exchange: '', routingKey: 'q' });

    expect(text(await channel.get('q'))).toBe('good');
    expect(readdirSync(join(data, '.tq-bridge/rejected'))).toHaveLength(1);
    await connection.close();
  });

  test('a folder named like a message is put aside', async () => {
    const { data, options } = folders();
    const connection = await connect(options);
    const channel = await connection.openChannel();
    mkdirSync(join(data, '0_x.q.msg'));
    await channel.publish(textMessage('good'), { exchange: '', routingKey: 'q' });

    expect(text(await channel.get('q'))).toBe('good');
    await connection.close();
  });

  test('what a killed process had claimed is delivered again', async () => {
    const { root, data, options } = folders();
    const holder = spawn(process.execPath, [new URL('../fixtures/hold-message.ts', import.meta.url).pathname, root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const sender = await connect(options);
    const channel = await sender.openChannel();
    await channel.publish(textMessage('precious'), { exchange: '', routingKey: 'q' });
    await new Promise((resolve) => holder.stdout.once('data', resolve));

    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.once('exit', resolve));
    expect(readdirSync(data).filter((file) => file.endsWith('.msg'))).toEqual([]);
    const arrivals = new Arrivals();
    await channel.consume([plainQueue('q')], { prefetch: 0, noAck: false, onDelivery: arrivals.push, onCancelled: () => undefined });

    const [delivery] = await arrivals.take(1);
    expect(text(delivery)).toBe('precious');
    await sender.close();
  }, 30_000);
});
