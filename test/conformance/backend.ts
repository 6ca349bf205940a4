import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResultBackend, ResultDestination } from '../../src/backend/backend.ts';
import type { BackendOptions } from '../../src/backend/options.ts';
import { openBackend } from '../../src/backend/registry.ts';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import {
  BackendUnavailableError,
  ContentDisallowedError,
  EncodeError,
  ResultDecodeError,
  ResultTimeoutError,
} from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { DateTime } from '../../src/base/values.ts';
import { systemHost } from '../../src/driver/host.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { builtInSerializers } from '../../src/app/serializers.ts';
import { JsonTypes } from '../../src/message/serializers/json-own-types.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { buildMeta } from '../../src/protocol/result.ts';
import type { ResultMeta } from '../../src/protocol/result.ts';
import type { Channel } from '../../src/transport/transport.ts';

/** Where a backend is tried. */
export interface BackendPlace {
  readonly url: string;
  readonly openChannel?: () => Promise<Channel>;
  /** Puts bytes where a result stands, as a stranger would; absent where results are no stored bytes. */
  readonly plant?: (taskId: string, bytes: Uint8Array) => Promise<void>;
  /** The bytes that stand where a result is stored; absent as `plant` is. */
  readonly peek?: (taskId: string) => Promise<Uint8Array>;
  /** SUCCESS may be overwritten: rpc sends messages. */
  readonly isFinal: boolean;
}

export function backendOptions(place: Pick<BackendPlace, 'url' | 'openChannel'>, more: Partial<BackendOptions> = {}): BackendOptions {
  const registry = builtInSerializers(new JsonTypes());
  const compressors = new CompressorRegistry();
  compressors.register(zlibCompressor);
  return {
    url: parseBrokerUrl(place.url),
    serializer: jsonSerializer,
    registry,
    accept: registry.contentTypes(['json']),
    compressors,
    ...DEFAULT_LIMITS,
    maxDecompressedBytes: 1e6,
    resultExpiresMs: 60_000,
    persistent: false,
    host: systemHost,
    logger: silentLogger,
    transportOptions: {},
    openChannel: place.openChannel ?? (() => Promise.reject(new Error('no broker'))),
    ...more,
  };
}

export function meta(taskId: string, status: string, result: unknown): ResultMeta {
  return buildMeta({ taskId, status, result, nowMs: Date.now() });
}

/** What every result backend does. */
export function backendConformance(name: string, open: () => Promise<BackendPlace>): void {
  describe(`${name} backend`, () => {
    let place: BackendPlace;
    let backend: ResultBackend;
    let id: string;
    let to: ResultDestination;

    beforeEach(async () => {
      place = await open();
      backend = await openBackend(backendOptions(place));
      id = randomUUID();
      to = { replyTo: backend.replyTo, correlationId: id };
      await backend.ready();
    });
    afterEach(() => backend.close());

    test('an unknown task has no state', async () => {
      expect(await backend.getMeta(randomUUID())).toBeUndefined();
    });

    test('what is stored can be had as it is', async () => {
      if (place.plant === undefined || backend.stored === undefined) return;
      expect(await backend.stored(id)).toBeUndefined();

      await place.plant(id, new TextEncoder().encode('no result'));

      expect(Buffer.from((await backend.stored(id)) ?? []).toString()).toBe('no result');
    });

    test('a stored result is read back with its types', async () => {
      const value = {
        big: 2n ** 70n,
        nan: Number.NaN,
        at: DateTime.fromIso('2026-01-02T03:04:05.678901+02:00'),
        bytes: new Uint8Array([255]),
      };
      await backend.storeResult(meta(id, 'SUCCESS', value), to);

      const stored = await backend.waitFor(id, { timeoutMs: 5000 });

      expect(stored).toMatchObject({ task_id: id, status: 'SUCCESS', children: [], traceback: null });
      expect(stored.result).toEqual(value);
      expect(await backend.getMeta(id)).toMatchObject({ status: 'SUCCESS' });
    });

    test('whoever waits before and after the result gets it', async () => {
      const before = [backend.waitFor(id, { timeoutMs: 5000 }), backend.waitFor(id, { timeoutMs: 5000 })];
      await backend.storeResult(meta(id, 'SUCCESS', 1), to);
      await Promise.all(before);

      expect((await backend.waitFor(id, { timeoutMs: 5000 })).result).toBe(1);
    });

    test('a slow task holds up nobody else', async () => {
      const slow = backend.waitFor(id, {});
      slow.catch(() => undefined);
      const other = randomUUID();
      await backend.storeResult(meta(other, 'SUCCESS', 'fast'), { ...to, correlationId: other });

      expect((await backend.waitFor(other, { timeoutMs: 5000 })).result).toBe('fast');
    });

    test('states that are not final go to onUpdate and do not resolve', async () => {
      const seen: string[] = [];
      const { promise: progressed, resolve } = Promise.withResolvers<void>();
      const onUpdate = ({ status }: ResultMeta): void => {
        seen.push(status);
        resolve();
      };
      const waiting = backend.waitFor(id, { timeoutMs: 5000, onUpdate });
      await backend.storeResult(meta(id, 'PROGRESS', { done: 1 }), to);
      await progressed;
      await backend.storeResult(meta(id, 'SUCCESS', 1), to);

      expect((await waiting).status).toBe('SUCCESS');
      expect(seen).toContain('PROGRESS');
    });

    test('a listener that throws ends its own wait only', async () => {
      const onUpdate = (): void => {
        throw new Error('mine');
      };
      const listening = expect(backend.waitFor(id, { timeoutMs: 5000, onUpdate })).rejects.toThrow('mine');
      const other = backend.waitFor(id, { timeoutMs: 5000 });
      await backend.storeResult(meta(id, 'PROGRESS', 1), to);
      await listening;
      await backend.storeResult(meta(id, 'SUCCESS', 2), to);

      expect((await other).result).toBe(2);
    });

    test('a wait ends at its timeout and by its signal', async () => {
      await expect(backend.waitFor(id, { timeoutMs: 20 })).rejects.toBeInstanceOf(ResultTimeoutError);
      const abort = new AbortController();
      const waiting = backend.waitFor(id, { signal: abort.signal });
      abort.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    });

    test('a stored SUCCESS is final', async (context) => {
      if (!place.isFinal) context.skip('results travel as messages here: the last one counts');
      await backend.storeResult(meta(id, 'SUCCESS', 1), to);
      await backend.storeResult(meta(id, 'FAILURE', { exc_type: 'X', exc_message: [], exc_module: 'x' }), to);

      expect(await backend.getMeta(id)).toMatchObject({ status: 'SUCCESS', result: 1 });
    });

    test('states stored at once end in the last, and in SUCCESS where it is final', async () => {
      const ids = Array.from({ length: 20 }, () => randomUUID());
      const store = (taskId: string, status: string): Promise<void> =>
        backend.storeResult(meta(taskId, status, null), { ...to, correlationId: taskId });
      const waits = ids.map((taskId) => backend.waitFor(taskId, { timeoutMs: 5000 }));
      await Promise.all(
        ids.flatMap((taskId) => [store(taskId, 'RETRY'), store(taskId, 'SUCCESS'), store(taskId, 'RETRY')].slice(0, place.isFinal ? 3 : 2)),
      );
      await Promise.all(waits);

      for (const taskId of ids) expect(await backend.getMeta(taskId)).toMatchObject({ status: 'SUCCESS' });
    });

    test('a failure may be followed by another state', async () => {
      const failure = { exc_type: 'ValueError', exc_message: ['no'], exc_module: 'builtins' };
      await backend.storeResult(meta(id, 'RETRY', failure), to);
      await backend.storeResult(meta(id, 'FAILURE', failure), to);

      expect(await backend.waitFor(id, { timeoutMs: 5000 })).toMatchObject({ status: 'FAILURE', result: failure });
    });

    test('what cannot be serialised is an EncodeError and nothing is stored', async () => {
      await expect(
        backend.storeResult(
          meta(id, 'SUCCESS', () => undefined),
          to,
        ),
      ).rejects.toBeInstanceOf(EncodeError);
      expect(await backend.getMeta(id)).toBeUndefined();
    });

    test('forget removes the result', async () => {
      await backend.storeResult(meta(id, 'SUCCESS', 1), to);
      await backend.waitFor(id, { timeoutMs: 5000 });

      await backend.forget(id);

      expect(await backend.getMeta(id)).toBeUndefined();
    });

    test('closing ends every wait', async () => {
      const waiting = backend.waitFor(id, {});
      waiting.catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));

      await backend.close();

      await expect(waiting).rejects.toBeInstanceOf(BackendUnavailableError);
    });

    describe.each(['msgpack', 'yaml'])('with result_serializer %s', (format) => {
      const { registry } = backendOptions({ url: 'memory://' });
      const serializer = registry.byName(format);
      const accept = new Set([serializer.contentType]);

      test('results come back, and a SUCCESS stays', async () => {
        await using stack = new AsyncDisposableStack();
        const other = await openBackend(backendOptions(place, { serializer, accept }));
        stack.defer(() => other.close());
        await other.ready();
        const value = { bytes: Uint8Array.of(255, 0), big: 2n ** 60n, text: 'yes', floats: [1.5, Number.NaN] };
        const there = { replyTo: other.replyTo, correlationId: id };
        await other.storeResult(meta(id, 'STARTED', null), there);
        await other.storeResult(meta(id, 'SUCCESS', value), there);

        expect(await other.waitFor(id, { timeoutMs: 5000 })).toMatchObject({ task_id: id, status: 'SUCCESS', result: value });
        if (!place.isFinal) return;
        await other.storeResult(meta(id, 'FAILURE', null), there);
        expect(await other.getMeta(id)).toMatchObject({ status: 'SUCCESS' });
      });

      test('what result_accept_content does not name is refused', async () => {
        await using stack = new AsyncDisposableStack();
        const other = await openBackend(backendOptions(place, { serializer }));
        stack.defer(() => other.close());
        await other.ready();
        const waiting = other.waitFor(id, { timeoutMs: 5000 });
        waiting.catch(() => undefined);
        await other.storeResult(meta(id, 'SUCCESS', 1), { replyTo: other.replyTo, correlationId: id });

        await expect(waiting).rejects.toBeInstanceOf(ContentDisallowedError);
      });
    });

    test.each([
      ['not json'],
      ['null'],
      ['[]'],
      ['{}'],
      ['{"status": 5}'],
      ['{"status": "SUCCESS", "task_id": "x"}'],
      ['{"status": "FAILURE", "children": [5], "result": null}'],
    ])('the stored bytes %s are a ResultDecodeError', async (text) => {
      if (place.plant === undefined) return;
      await place.plant(id, new TextEncoder().encode(text));

      await expect(backend.getMeta(id)).rejects.toBeInstanceOf(ResultDecodeError);
    });

    test('results can be stored compressed: everybody reads them, and SUCCESS stays', async (context) => {
      if (place.plant === undefined || place.peek === undefined) return context.skip('results travel as messages here');
      const squeezing = await openBackend(backendOptions(place, { resultCompression: 'zlib' }));
      const waiting = backend.waitFor(id, { timeoutMs: 5000 });

      for (const [status, result] of [
        ['STARTED', null],
        ['SUCCESS', 'x'.repeat(1000)],
        ['FAILURE', null],
      ] as const)
        await squeezing.storeResult(meta(id, status, result), to);
      await backend.storeResult(meta(id, 'FAILURE', null), to);

      for (const stored of [await waiting, await backend.getMeta(id), await squeezing.getMeta(id)])
        expect(stored).toMatchObject({ status: 'SUCCESS', result: 'x'.repeat(1000) });
      const bytes = await place.peek(id);
      expect(Buffer.from(bytes).toString('latin1', 0, 38)).toBe('\0celery-compressed\0application/x-gzip\0');
      expect(bytes.length).toBeLessThan(300);
      await squeezing.close();
    });

    test('a result compressed by Celery 5.7 is read', async (context) => {
      if (place.plant === undefined) return context.skip('results travel as messages here and are not compressed');
      const prefix = new TextEncoder().encode('\0celery-compressed\0application/x-gzip\0');
      const body = zlibCompressor.compress(jsonSerializer.encode(meta(id, 'SUCCESS', 'squeezed')));
      await place.plant(id, Buffer.concat([prefix, body]));

      expect(await backend.getMeta(id)).toMatchObject({ result: 'squeezed' });
    });
  });
}
