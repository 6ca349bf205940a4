import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { openBackend } from '../../src/backend/registry.ts';
import { BackendDisabledError, BackendUnavailableError, ImproperlyConfiguredError } from '../../src/base/errors.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { bzip2Compressor } from '../../src/driver/bzip2.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { memoryTransport } from '../../src/transport/memory.ts';
import { backendConformance, backendOptions, meta } from '../conformance/backend.ts';
import { transportOptions } from '../conformance/transport.ts';

backendConformance('memory', () => Promise.resolve({ url: 'memory://', isFinal: true }));

backendConformance('file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tq-results-'));
  const plant = (taskId: string, bytes: Uint8Array): Promise<void> =>
    Promise.resolve(writeFileSync(join(folder, `celery-task-meta-${taskId}`), bytes));
  const peek = (taskId: string): Promise<Uint8Array> => Promise.resolve(readFileSync(join(folder, `celery-task-meta-${taskId}`)));
  return Promise.resolve({ url: `file://${folder}`, plant, peek, isFinal: true });
});

backendConformance('rpc over memory', async () => {
  const connection = await memoryTransport.connect(parseBrokerUrl('memory://rpc'), transportOptions());
  return { url: 'rpc://', openChannel: () => connection.openChannel(), isFinal: false };
});

describe('file backend on disk', () => {
  test.each(['../../x', 'a/b', 'nul\0', 'x'.repeat(300)])('the task id %j stays inside the folder', async (id) => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-results-'));
    const backend = await openBackend(backendOptions({ url: `file://${folder}` }));

    await expect(backend.storeResult(meta(id, 'SUCCESS', 1), { replyTo: undefined, correlationId: undefined })).rejects.toBeInstanceOf(
      BackendUnavailableError,
    );
    expect(readdirSync(folder)).toEqual([]);
    await backend.close();
  });

  test('a result is readable by its owner only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-results-'));
    const backend = await openBackend(backendOptions({ url: `file://${folder}` }));

    await backend.storeResult(meta('t', 'SUCCESS', 1), { replyTo: undefined, correlationId: undefined });

    expect(statSync(join(folder, 'celery-task-meta-t')).mode & 0o777).toBe(0o600);
    await backend.close();
  });
});

describe('result_compression', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tq-results-'));
  const open = async (url: string, more: Parameters<typeof backendOptions>[1]): Promise<string> =>
    (await openBackend(backendOptions({ url }, more))).name;

  test('an unknown compression is refused by name', async () => {
    await expect(open(`file://${folder}`, { resultCompression: 'gzipp' })).rejects.toThrow('result_compression is gzipp');
    await expect(open(`file://${folder}`, { resultCompression: 'gzipp' })).rejects.toBeInstanceOf(ImproperlyConfiguredError);
  });

  test('a compression whose package is missing is refused before the first result', async () => {
    const compressors = new CompressorRegistry();
    compressors.register(bzip2Compressor('no-such-package'));

    await expect(open(`file://${folder}`, { resultCompression: 'bzip2', compressors })).rejects.toThrow('no-such-package');
  });

  test.each(['rpc://', 'memory://', 'cache+memory://'])('%s ignores it, with a warning, as Celery does', async (url) => {
    const warning = vi.fn();

    await open(url, { resultCompression: 'whatever', logger: { ...silentLogger, warning } });

    expect(warning.mock.calls).toEqual([[expect.stringContaining('result_compression is ignored')]]);
  });
});

describe('no backend', () => {
  test('storing does nothing and reading says what to set', async () => {
    const backend = await openBackend({ ...backendOptions({ url: 'memory://' }), url: undefined });

    await backend.storeResult(meta('t', 'SUCCESS', 1), { replyTo: 'r', correlationId: undefined });

    await expect(backend.getMeta('t')).rejects.toBeInstanceOf(BackendDisabledError);
    await expect(backend.waitFor('t', {})).rejects.toThrow('result_backend');
  });

  test.each([
    ['redis://h?ssl_cert_reqs=CERT_NONE', 'needs a rediss:// result backend'],
    ['rediss://h?ssl_cert_reqs=MAYBE', 'CERT_REQUIRED'],
    ['rediss://h?ssl_ca_certs=/no/such/file', 'TLS files'],
    ['redis://h/first', 'number'],
    ['redis://h?socket_timeout=5', 'socket_timeout'],
    ['redis+socket://', 'path'],
  ])('%s is refused with a reason', async (url, reason) => {
    await expect((async () => openBackend(backendOptions({ url })))()).rejects.toThrow(reason);
    await expect((async () => openBackend(backendOptions({ url })))()).rejects.toBeInstanceOf(ImproperlyConfiguredError);
  });

  test.each(['redis://h', 'rpc://', 'memory://', 'file:///tmp'])(
    'transport options that %s does not know are refused by name',
    async (url) => {
      const options = backendOptions({ url }, { transportOptions: { visibility_timeout: 5 } });

      await expect((async () => openBackend(options))()).rejects.toThrow('visibility_timeout');
    },
  );

  test('an unknown scheme is refused by name', () => {
    expect(() => openBackend(backendOptions({ url: 'mongodb://x' }))).toThrow(ImproperlyConfiguredError);
  });
});

test('a Redis that cannot be reached is told by what the socket said', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const backend = await openBackend(backendOptions({ url: 'redis://127.0.0.1:1' }));
  let failure: unknown;
  backend.getMeta('any').catch((error: unknown) => (failure = error));

  while (failure === undefined) {
    // The pauses between its attempts pass at once; the refusals come from the network.
    await vi.advanceTimersByTimeAsync(2000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  vi.useRealTimers();
  await backend.close();

  expect(failure).toBeInstanceOf(BackendUnavailableError);
  expect(String(failure)).toContain('ECONNREFUSED');
});
