import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Reject } from '../../src/app/exceptions.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Celery } from '../../src/celery.ts';
import { KeyFolder } from '../certificates.ts';
import { gatekeeper, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

const keys = new KeyFolder();
const [ours, theirs] = ['worker', 'client'].map((cn, index) => ({ ...keys.add(cn, { serial: BigInt(index + 1) }), security_strict: true }));
const folder = mkdtempSync(join(tmpdir(), 'tq-signed-'));
const apps: Celery[] = [];
let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await server?.stop();
  keys[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A broker of each kind and what it adds to a message that comes back. */
const places: Readonly<Record<string, (queue: string) => Readonly<Record<string, unknown>>>> = {
  'a classic queue': () => ({ broker_url: server.url, result_backend: 'rpc://' }),
  'a quorum queue': (queue) => ({
    broker_url: server.url,
    result_backend: 'rpc://',
    task_queues: [{ name: queue, queue_arguments: { 'x-queue-type': 'quorum' } }],
  }),
  'the filesystem': (queue) => {
    const [spool, control, results] = ['spool', 'control', 'results'].map((part) => join(folder, queue, part));
    for (const path of [spool, control, results]) mkdirSync(String(path), { recursive: true });
    const options = { data_folder_in: spool, data_folder_out: spool, control_folder: control };
    return { broker_url: 'filesystem://', broker_transport_options: options, result_backend: `file://${results}` };
  },
};

function make(lines: string[], ...settings: readonly object[]): Celery {
  const app = new Celery('signed', Object.assign({}, ...settings) as Record<string, unknown>);
  const note = (line: string): void => void lines.push(line);
  app.setLogger({ ...silentLogger, error: note, critical: note, isEnabled: () => true });
  app.setupSecurity();
  apps.push(app);
  return app;
}

describe.each(Object.keys(places))('strictly signed tasks over %s', (place) => {
  const headers = {
    'x-tenant': 'zażółć 🐇',
    numbers: [0, -1, 1.5, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, 2n ** 62n, 1e300],
    nested: { list: [[], {}, null, true, ''], constructor: { deep: 'x'.repeat(20_000) } },
  };

  test('headers of every kind arrive as they were bound, and again when the task is put back', async () => {
    const queue = `signed-${randomUUID()}`;
    const lines: string[] = [];
    const shared = { task_default_queue: queue, ...places[place]?.(queue) };
    const app = make(lines, shared, ours ?? {});
    let calls = 0;
    app.task('twice', { acksLate: true }, () => {
      calls += 1;
      if (calls === 1) throw new Reject('once more', { requeue: true });
      return calls;
    });
    const result = await make(lines, shared, theirs ?? {}).sendTask('twice', [], { headers, stamps: { batch: 'b7' }, expires: 60 });
    await using worker = app.worker();
    await worker.start();

    expect(await result.get({ timeout: 20 }).catch((error: unknown) => [error, lines])).toBe(2);
    expect(lines).toEqual([]);
  });
});

test('a task that waits for its ETA while the connection is lost runs once', async () => {
  const queue = `signed-${randomUUID()}`;
  const lines: string[] = [];
  await using gate = await gatekeeper(server.url);
  const app = make(lines, { task_default_queue: queue, broker_url: gate.url }, ours ?? {});
  const client = make(lines, { task_default_queue: queue, broker_url: server.url, result_backend: 'rpc://' }, theirs ?? {});
  const ran: string[] = [];
  const done = Promise.withResolvers<void>();
  app.task('note', (what: string) => {
    ran.push(what);
    if (ran.includes('held') && ran.includes('last')) done.resolve();
  });
  await using worker = app.worker();
  await worker.start();
  await client.sendTask('note', ['held'], { countdown: 3, ignoreResult: true });
  await client.sendTask('note', ['first'], { ignoreResult: true });
  await expect.poll(() => ran).toEqual(['first']);
  gate.shut();
  gate.open();
  await client.sendTask('note', ['last'], { countdown: 5, ignoreResult: true });
  await done.promise;

  expect(ran.toSorted()).toEqual(['first', 'held', 'last']);
  // An ack that the cut has swallowed: the broker delivers again what has run, and it does not run twice.
  expect(lines.filter((line) => !/replay.*task note/.test(line))).toEqual([]);
});
