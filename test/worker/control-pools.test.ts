/** Remote control of pools with children, and events out of them: what it changes shows in the children themselves. */

import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openPool } from '../conformance/pool.ts';
import type { PoolPlace } from '../conformance/pool.ts';

const NODE = 'pool@here';

/** The answer of the one worker there is. */
async function ask(place: PoolPlace, command: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const [reply] = await place.app.control.broadcast(command, { arguments: args, reply: true, timeout: 10, limit: 1 });
  return reply?.[NODE];
}

describe.each(['prefork', 'threads'] as const)('remote control of %s', (pool) => {
  test('a restart replaces the children once their tasks are done', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE }, { worker_pool_restarts: true });
    const before = await place.run('child');
    const running = await place.send('gated', [place.file('started'), place.file('gate')]);
    await expect.poll(() => place.read('started')).toHaveLength(1);

    expect(await ask(place, 'pool_restart')).toEqual({ ok: 'reload started' });
    writeFileSync(place.file('gate'), '');

    expect(await running.get({ timeout: 10 })).toBe('through');
    expect(await place.run('child')).not.toBe(before);
  });

  test('a time limit holds for tasks that start from then on', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE });

    expect(await ask(place, 'time_limit', { task_name: 'spin', hard: 0.5 })).toEqual({ ok: 'time limits set successfully' });

    await expect(place.run('spin')).rejects.toMatchObject({ excType: 'TimeLimitExceeded' });
    expect(await place.run('add', [1, 2])).toBe(3);
  });

  test('terminate ends a task that never ends by itself', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE });
    const spin = await place.send('spin');
    await expect.poll(() => place.worker.running).toBe(1);

    expect(await ask(place, 'terminate', { task_id: [spin.id], signal: 'KILL' })).toEqual({ ok: `terminate: ${spin.id}` });

    await expect(spin.get({ timeout: 10 })).rejects.toThrow('terminated');
    expect(await place.run('add', [1, 2])).toBe(3);
  });

  test('what runs is shown with the process that runs it', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE });
    const spin = await place.send('spin');
    await expect.poll(() => place.worker.running).toBe(1);

    const shown = (): Promise<unknown> => ask(place, 'active');

    await expect.poll(shown).toMatchObject([{ id: spin.id, worker_pid: (await children(place))[0] }]);
    await ask(place, 'terminate', { task_id: [spin.id], signal: 'KILL' });
  });

  test('grow and shrink change the number of children', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE });

    expect(await ask(place, 'pool_grow', { n: 2 })).toEqual({ ok: 'pool will grow' });
    await expect.poll(() => children(place), { timeout: 10_000 }).toHaveLength(3);
    expect(await ask(place, 'pool_shrink', { n: 2 })).toEqual({ ok: 'pool will shrink' });
    await expect.poll(() => children(place), { timeout: 10_000 }).toHaveLength(1);
    expect(await place.run('add', [1, 2])).toBe(3);
  });

  test('a task in a child sends events in its worker’s name', async () => {
    await using place = await openPool({ pool, concurrency: 1, hostname: NODE });
    await using receiver = place.app.openReceiver();
    const heard = new Promise((resolve) => void receiver.on('task-progress', resolve));
    await receiver.start();

    const sent = await place.send('progress');

    expect(await heard).toMatchObject({ type: 'task-progress', uuid: sent.id, hostname: NODE, done: 1 });
  });

  test('a new range of autoscale moves the pool', async () => {
    await using place = await openPool({ pool, autoscale: { max: 2, min: 1 }, hostname: NODE });

    expect(await ask(place, 'autoscale', { max: 4, min: 3 })).toEqual({ ok: 'autoscale now max=4 min=3' });

    await expect.poll(() => children(place), { timeout: 10_000 }).toHaveLength(3);
    expect(await ask(place, 'pool_grow')).toEqual({ error: 'pool_grow is not supported with autoscale. Adjust autoscale range instead.' });
  });
});

/** Ids of the pool's children, as `inspect stats` tells them. */
async function children(place: PoolPlace): Promise<readonly number[]> {
  const stats = (await ask(place, 'stats')) as { readonly pool: { readonly processes: readonly number[] } };
  return stats.pool.processes;
}
