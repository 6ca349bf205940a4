/** Malformed results, read by our client and, beside it, by Python's. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TqError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { pythonVenv, redis } from '../../test/servers.ts';
import type { Server } from '../../test/servers.ts';
import { RESULTS } from './results.ts';
import { CELERY } from './workers.ts';

describe('stored results', () => {
  let store: Server;
  let client: Celery;
  const ids = new Map(Object.keys(RESULTS).map((title) => [randomUUID(), title]));
  beforeAll(async () => {
    store = await redis();
    client = new Celery('reader', { broker_url: 'memory://', result_backend: store.url });
    const port = new Redis(store.url);
    for (const [id, title] of ids) {
      const stored = RESULTS[title]?.stored ?? '';
      await port.set(`celery-task-meta-${id}`, typeof stored === 'string' ? stored.replace('"ID"', JSON.stringify(id)) : stored);
    }
    port.disconnect();
  });
  afterAll(async () => {
    await client?.close();
    await store?.stop();
  });

  test.each([...ids])('%s, read by our client: %s', async (id, title) => {
    const outcome = await client
      .asyncResult(id)
      .get({ timeout: 0.2 })
      .then(
        () => 'returns',
        (error: unknown) => (error instanceof TqError ? error.name : error),
      );

    expect(outcome).toBe(RESULTS[title]?.ours);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('Python’s client gets what the table says', async () => {
    const { python } = await pythonVenv(CELERY);
    const { stdout } = await new Promise<{ stdout: string }>((done, fail) => {
      const child = execFile(
        python,
        [`${import.meta.dirname}/read_results.py`],
        { env: { ...process.env, TQ_BACKEND: store.url } },
        (error, out, stderr) => (error === null ? done({ stdout: out }) : fail(new Error(stderr, { cause: error }))),
      );
      child.stdin?.end(JSON.stringify([...ids.keys()]));
    });
    const outcomes = JSON.parse(stdout) as Readonly<Record<string, string>>;

    const named = Object.fromEntries([...ids].map(([id, title]) => [title, outcomes[id]]));
    expect(named).toEqual(Object.fromEntries(Object.entries(RESULTS).map(([title, { python: raises }]) => [title, raises])));
  });
});
