import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ChannelError, ConnectionError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { filesystemTransport } from '../../src/transport/filesystem.ts';
import type { Channel, Connection, Delivery } from '../../src/transport/transport.ts';
import { Arrivals, text, textMessage, transportOptions } from '../conformance/transport.ts';

interface Place {
  readonly root: string;
  readonly data: string;
  readonly options: Record<string, string>;
}

function place(root = mkdtempSync(join(tmpdir(), 'tq-fs-'))): Place {
  const data = join(root, 'data');
  return { root, data, options: { data_folder_in: data, data_folder_out: data, control_folder: join(root, 'control') } };
}

const connect = (options: Record<string, unknown>, logger: Logger = silentLogger, maxBodyBytes = 1e9): Promise<Connection> =>
  filesystemTransport.connect(parseBrokerUrl('filesystem://'), { ...transportOptions(options), logger, maxBodyBytes });
const messages = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.msg'));
const send = (channel: Channel, body: string, queue = 'q'): Promise<void> =>
  channel.publish(textMessage(body), { exchange: '', routingKey: queue });

async function consume(channel: Channel, onDelivery: (delivery: Delivery) => void, queue = 'q'): Promise<void> {
  await channel.consume([plainQueue(queue)], { prefetch: 0, noAck: false, onDelivery, onCancelled: () => undefined });
}

/** A process that takes what is in queue `q` and keeps it. */
async function holder({ root }: Place): Promise<ChildProcess> {
  const child = spawn(process.execPath, [new URL('../fixtures/hold-message.ts', import.meta.url).pathname, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('filesystem transport under faults', () => {
  test('claims of a process that died on this machine go back at once', async () => {
    const where = place();
    const sender = await connect(where.options);
    await send(await sender.openChannel(), 'precious');
    await sender.close();
    const dead = await holder(where);
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    const began = performance.now();

    const next = await connect(where.options);
    const delivery = await (await next.openChannel()).get('q');

    expect(text(delivery)).toBe('precious');
    expect(performance.now() - began).toBeLessThan(1500);
    await next.close();
  });

  test('a clock set forward does not take the claims of the living', async () => {
    const where = place();
    const owner = await connect(where.options);
    const channel = await owner.openChannel();
    await send(channel, 'mine');
    const mine = await channel.get('q');
    const [folder] = readdirSync(join(where.data, '.tq-bridge/claims'));
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(join(where.data, '.tq-bridge/claims', folder ?? '', '.owner'), longAgo, longAgo);

    const other = await connect(where.options);

    expect(await (await other.openChannel()).get('q')).toBeUndefined();
    await mine?.ack();
    await other.close();
    await owner.close();
  });

  test('a process frozen for so long that others took its claims goes on afterwards', async () => {
    const where = place();
    const frozen = await connect(where.options);
    const channel = await frozen.openChannel();
    await send(channel, 'first');
    const first = await channel.get('q');
    const claims = join(where.data, '.tq-bridge/claims');
    const [folder] = readdirSync(claims);
    const [name] = messages(join(claims, folder ?? ''));
    renameSync(join(claims, folder ?? '', name ?? ''), join(where.data, name ?? ''));
    rmSync(join(claims, folder ?? ''), { recursive: true });

    await expect(first?.ack()).rejects.toBeInstanceOf(ConnectionError);

    expect(text(await channel.get('q'))).toBe('first');
    await frozen.close();
  });

  test('a claim that was lost cannot be requeued a second time', async () => {
    const where = place();
    const connection = await connect(where.options);
    const channel = await connection.openChannel();
    await send(channel, 'once');
    const delivery = await channel.get('q');
    const claims = join(where.data, '.tq-bridge/claims');
    const [folder] = readdirSync(claims);
    const [name] = messages(join(claims, folder ?? ''));
    rmSync(join(claims, folder ?? '', name ?? ''));

    await expect(delivery?.reject({ requeue: true })).rejects.toBeInstanceOf(ConnectionError);

    expect(messages(where.data)).toEqual([]);
    await connection.close();
  });

  test('a folder that is removed and made again is used again', async () => {
    const where = place();
    const connection = await connect(where.options);
    const channel = await connection.openChannel();
    const arrivals = new Arrivals();
    await consume(channel, arrivals.push);
    rmSync(where.data, { recursive: true });

    await send(channel, 'after');

    expect(text((await arrivals.take(1))[0])).toBe('after');
    await connection.close();
  });

  test.each([
    ['a symbolic link', (path: string): void => symlinkSync('/etc/hostname', path)],
    ['a named pipe', (path: string): void => void execFileSync('mkfifo', [path])],
    ['a folder', (path: string): void => mkdirSync(path)],
    ['a file over the limit', (path: string): void => writeFileSync(path, `{"body":"${'x'.repeat(2_000_000)}"}`)],
  ])('%s in the place of a message is put aside', async (_what, make) => {
    const where = place();
    const lines: string[] = [];
    const connection = await connect(where.options, { ...silentLogger, error: (line) => void lines.push(line) }, 100_000);
    const channel = await connection.openChannel();
    make(join(where.data, '0_x.q.msg'));
    await send(channel, 'good');

    expect(text(await channel.get('q'))).toBe('good');
    expect(readdirSync(join(where.data, '.tq-bridge/rejected'))).toEqual(['0_x.q.msg']);
    expect(lines).toHaveLength(1);
    await connection.close();
  });

  test('a full disk is a ChannelError that leaves nothing behind; room made is room used', async ({ skip }) => {
    if (process.getuid?.() !== 0) return skip('mounting needs root');
    const where = place();
    mkdirSync(where.data);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', where.data], { stdio: 'pipe' });
    } catch {
      return skip('this machine does not let us mount');
    }
    try {
      const connection = await connect(where.options);
      const channel = await connection.openChannel();
      await send(channel, 'x'.repeat(500_000));

      await expect(send(channel, 'y'.repeat(500_000))).rejects.toThrow(ChannelError);

      expect(readdirSync(join(where.data, '.tq-bridge/new'))).toEqual([]);
      await (await channel.get('q'))?.ack();
      await send(channel, 'z'.repeat(500_000));
      await connection.close();
    } finally {
      execFileSync('umount', ['-l', where.data]);
    }
  });

  test('1000 messages and 4 workers: each message once', async () => {
    const where = place();
    const connections = await Promise.all([0, 1, 2, 3].map(() => connect(where.options)));
    const seen: string[] = [];
    const { promise: all, resolve } = Promise.withResolvers<void>();
    for (const connection of connections) {
      await consume(await connection.openChannel(), (delivery) => {
        seen.push(text(delivery));
        void delivery.ack();
        if (seen.length === 1000) resolve();
      });
    }
    const sender = await connect(where.options);
    const channel = await sender.openChannel();
    for (let index = 0; index < 1000; index += 1) await send(channel, String(index));
    await all;

    for (const connection of [...connections, sender]) await connection.close();
    expect(new Set(seen).size).toBe(1000);
    expect(seen).toHaveLength(1000);
    expect(messages(where.data)).toEqual([]);
  }, 30_000);

  test('processes that declare on one exchange at once keep every row', async () => {
    const where = place();
    const channels = await Promise.all(Array.from({ length: 8 }, async () => (await connect(where.options)).openChannel()));
    const exchange = { name: 'shared', type: 'topic', durable: true, autoDelete: false } as const;

    await Promise.all(channels.map((channel, index) => channel.declareQueue({ ...plainQueue(`s${index}`), exchange, routingKey: 'a.*' })));
    await channels[0]?.publish(textMessage('x'), { exchange: 'shared', routingKey: 'a.b' });

    expect(messages(where.data)).toHaveLength(8);
  });
});
