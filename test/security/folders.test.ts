import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ResultBackend } from '../../src/backend/backend.ts';
import { openBackend } from '../../src/backend/registry.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { BackendUnavailableError, TqError } from '../../src/base/errors.ts';
import { plainQueue } from '../../src/routing/queue.ts';
import { filesystemTransport } from '../../src/transport/filesystem.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { backendOptions, meta } from '../conformance/backend.ts';
import { textMessage, transportOptions } from '../conformance/transport.ts';

const NOBODY = { replyTo: undefined, correlationId: undefined };

/** Everything under a folder, as paths from it. */
function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
}

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tq-security-'));
});

describe('a folder of results', () => {
  const open = (): Promise<ResultBackend> => openBackend(backendOptions({ url: `file://${root}/in` }));

  test.each(['../../x', '../x', '/etc/passwd', 'a/b', 'a\\b', 'nul\0', 'x'.repeat(300), 'é'.repeat(200)])(
    'takes no result of the id %j, and looks for none',
    async (id) => {
      await using backend = disposable(await open());
      const before = tree(root);

      await expect(backend.it.storeResult(meta(id, 'SUCCESS', 1), NOBODY)).rejects.toBeInstanceOf(BackendUnavailableError);
      await expect(backend.it.getMeta(id)).rejects.toBeInstanceOf(BackendUnavailableError);
      await expect(backend.it.forget(id)).rejects.toBeInstanceOf(BackendUnavailableError);
      expect(tree(root)).toEqual(before);
    },
  );

  test.each(['.', '..', 'CON', '-rf', '~', '$HOME', '*', 'a b', '\n'])('keeps the result of the id %j inside', async (id) => {
    await using backend = disposable(await open());
    await backend.it.storeResult(meta(id, 'SUCCESS', 1), NOBODY);

    expect((await backend.it.getMeta(id))?.status).toBe('SUCCESS');
    expect(tree(root)).toEqual(['in', `in/celery-task-meta-${id}`]);
  });

  test('writes files that only their owner reads', async () => {
    await using backend = disposable(await open());
    await backend.it.storeResult(meta('a', 'SUCCESS', 1), NOBODY);

    expect(statSync(join(root, 'in/celery-task-meta-a')).mode & 0o777).toBe(0o600);
  });

  test('replaces a link, and writes nothing through it', async () => {
    await using backend = disposable(await open());
    const victim = join(root, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(root, 'in/celery-task-meta-a'));

    await backend.it.storeResult(meta('a', 'SUCCESS', 1), NOBODY);

    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(lstatSync(join(root, 'in/celery-task-meta-a')).isFile()).toBe(true);
  });

  test('follows no link when it reads', async () => {
    await using backend = disposable(await open());
    writeFileSync(join(root, 'secret'), JSON.stringify(meta('a', 'SUCCESS', 'of somebody else')));
    symlinkSync(join(root, 'secret'), join(root, 'in/celery-task-meta-a'));

    await expect(backend.it.getMeta('a')).rejects.toBeInstanceOf(BackendUnavailableError);
  });

  test('does not wait for whoever fills a pipe', async () => {
    await using backend = disposable(await open());
    execFileSync('mkfifo', [join(root, 'in/celery-task-meta-a')]);

    await expect(backend.it.getMeta('a')).rejects.toBeInstanceOf(BackendUnavailableError);
  });
});

describe('a folder of messages', () => {
  const open = (): Promise<Connection> => {
    const options = { data_folder_in: join(root, 'in'), data_folder_out: join(root, 'in'), control_folder: join(root, 'control') };
    return filesystemTransport.connect(parseBrokerUrl('filesystem://'), transportOptions(options));
  };

  test.each(['../../x', '/abs', 'a/b', 'a\\b', 'nul\0', 'x'.repeat(300), '😀'.repeat(90), ''])('has no queue %j', async (name) => {
    await using connection = disposable(await open());
    const channel = await connection.it.openChannel();
    const before = tree(root);

    await expect(channel.publish(textMessage('x'), { exchange: '', routingKey: name })).rejects.toBeInstanceOf(TqError);
    await expect(channel.declareQueue({ ...plainQueue(name), exchange: plainQueue('e').exchange })).rejects.toBeInstanceOf(TqError);
    expect(tree(root)).toEqual(before);
  });

  test.each(['../../x', '/abs', '..', 'a/b', 'CON', 'nul\0'])('has no exchange %j', async (name) => {
    await using connection = disposable(await open());
    const channel = await connection.it.openChannel();
    const before = tree(root);

    await expect(channel.declareQueue(plainQueue(name))).rejects.toBeInstanceOf(TqError);
    await expect(channel.publish(textMessage('x'), { exchange: name, routingKey: 'q' })).rejects.toBeInstanceOf(TqError);
    expect(tree(root)).toEqual(before);
  });

  test('holds files that only their owner reads', async () => {
    await using connection = disposable(await open());
    const channel = await connection.it.openChannel();
    await channel.declareQueue(plainQueue('q'));
    await channel.publish(textMessage('x'), { exchange: 'q', routingKey: 'q' });

    const files = tree(root).filter((path) => statSync(join(root, path)).isFile());
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const path of files) expect([path, statSync(join(root, path)).mode & 0o777]).toEqual([path, 0o600]);
  });

  test('is left as it was by links to elsewhere', async () => {
    await using connection = disposable(await open());
    const channel = await connection.it.openChannel();
    const victim = join(root, 'victim');
    writeFileSync(victim, '{"secret":1}');
    symlinkSync(victim, join(root, `in/0_${randomUUID()}.q.msg`));
    await channel.publish(textMessage('good'), { exchange: '', routingKey: 'q' });

    const delivery = await channel.get('q');
    await delivery?.ack();

    expect(new TextDecoder().decode(delivery?.message.body)).toBe('good');
    expect(readFileSync(victim, 'utf8')).toBe('{"secret":1}');
    expect(existsSync(victim)).toBe(true);
  });
});

/** Closes what it holds. */
function disposable<T extends { close(): Promise<void> }>(it: T): AsyncDisposable & { readonly it: T } {
  return { it, [Symbol.asyncDispose]: () => it.close() };
}
