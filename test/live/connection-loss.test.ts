/** Tasks that run while the broker is lost, with and without `worker_cancel_long_running_tasks_on_connection_loss`. */

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '../conformance/pool.ts';
import type { PoolPlace } from '../conformance/pool.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';
import type { PoolName } from '../../src/worker/pool/registry.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

interface Place extends AsyncDisposable {
  readonly place: PoolPlace;
  readonly cut: () => void;
  /** How each run has ended. */
  readonly endings: string[];
}

async function open(pool: PoolName, concurrency: number, settings: Readonly<Record<string, unknown>> = {}): Promise<Place> {
  const proxy = await faultProxy(server.url);
  const place = await openPool(
    { pool, concurrency },
    {
      broker_url: proxy.url,
      broker_transport_options: {},
      task_default_queue: `loss-${randomUUID()}`,
      task_acks_late: true,
      worker_cancel_long_running_tasks_on_connection_loss: true,
      ...settings,
    },
  ).catch(async (error: unknown) => {
    await proxy[Symbol.asyncDispose]();
    throw error;
  });
  const endings: string[] = [];
  place.worker.state.observe({ ended: (_running, { kind }) => void endings.push(kind) });
  const end = async (): Promise<void> => {
    await place[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  };
  return { place, cut: () => proxy.cut(), endings, [Symbol.asyncDispose]: end };
}

const starts = (place: PoolPlace, count: number): Promise<void> =>
  expect.poll(() => place.read('started'), { timeout: 20_000 }).toHaveLength(count);

test.each([
  ['async', {}],
  ['async', { task_track_started: true }],
  ['prefork', {}],
  ['threads', {}],
] as const)('%s: a late-acked task is ended, and runs again in the slot it had; %o', async (pool, settings) => {
  await using loss = await open(pool, 1, settings);
  const { place, endings } = loss;
  const sent = await place.send('gated', [place.file('started'), place.file('gate')]);
  await starts(place, 1);

  loss.cut();

  await place.logged(new RegExp(`Task gated\\[${sent.id}\\] cannot be acknowledged after a connection loss`));
  await starts(place, 2);
  writeFileSync(place.file('gate'), '');
  expect(await sent.get({ timeout: 20 })).toBe('through');
  await expect.poll(() => endings).toEqual(['abandoned', 'success']);
  expect(place.lines.filter((line) => line.includes('could not be'))).toEqual([]);
});

test.each([{}, { softTimeLimit: 0.05 }])(
  'what an ended task does afterwards reaches no other run: no retry, no state; %o',
  async (options) => {
    await using loss = await open('async', 1);
    const { place } = loss;
    const sent = await place.send('haunts', [place.file('started'), place.file('gate'), place.file('after')], options);
    await starts(place, 1);
    if ('softTimeLimit' in options) await place.logged(/Soft time limit/);

    loss.cut();

    await starts(place, 2);
    writeFileSync(place.file('after.now'), '');
    await expect.poll(() => place.read('after')).toEqual(['Abandoned', 'Abandoned']);
    writeFileSync(place.file('gate'), '');
    expect(await sent.get({ timeout: 20 })).toBe('through');
    await place.run('add', [1, 2]);
    expect(place.read('started')).toEqual(['0', '0']);
  },
);

test.each([
  ['an early-acked one', { task_acks_late: false }, ['success'], 1],
  ['a late-acked one without the setting', { worker_cancel_long_running_tasks_on_connection_loss: false }, ['success', 'success'], 2],
] as const)('%s runs on', async (_name, settings, expected, runs) => {
  await using loss = await open('async', 2, settings);
  const { place, endings } = loss;
  const sent = await place.send('gated', [place.file('started'), place.file('gate')]);
  await starts(place, 1);

  loss.cut();

  await place.logged(/connected again/);
  await starts(place, runs);
  writeFileSync(place.file('gate'), '');
  expect(await sent.get({ timeout: 20 })).toBe('through');
  await expect.poll(() => endings).toEqual(expected);
  expect(place.lines.join()).not.toContain('cannot be acknowledged');
});
