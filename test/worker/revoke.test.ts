import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ImproperlyConfiguredError, TaskRevokedError } from '../../src/base/errors.ts';
import type { AppSignals } from '../../src/app/signals.ts';
import { signature } from '../../src/protocol/signature.ts';
import { harness } from './harness.ts';

const h = harness({ task_default_queue: 'q' });
const NODE = 'w1@here';

const ask = async (command: string, args: Record<string, unknown> = {}): Promise<unknown> =>
  (await h.app.control.broadcast(command, { arguments: args, reply: true, timeout: 5, limit: 1 }))[0]?.[NODE];

/** What every `task_revoked` said. */
function announcements(): AppSignals['task_revoked'][] {
  const heard: AppSignals['task_revoked'][] = [];
  h.app.signals.on('task_revoked', (payload) => heard.push(payload));
  return heard;
}

describe('revoked tasks', () => {
  test('one that comes later is discarded when it is received', async () => {
    const ran: number[] = [];
    const heard = announcements();
    h.app.task('t.run', (n: number) => ran.push(n));
    await h.start({ hostname: NODE });
    expect(await ask('revoke', { task_id: 'a' })).toEqual({ ok: "tasks {'a'} flagged as revoked" });

    const result = await h.app.sendTask('t.run', [1], { taskId: 'a' });
    await h.run('t.run', [2]);

    expect(ran).toEqual([2]);
    await expect(result.get({ timeout: 5 })).rejects.toBeInstanceOf(TaskRevokedError);
    expect(heard).toMatchObject([{ request: { id: 'a' }, expired: false, terminated: false }]);
    expect(h.lines).toContain('info: Discarding revoked task: t.run[a]');
    expect(h.lines.some((line) => line.includes('t.run[a] received'))).toBe(true);
  });

  test('one whose code has ended is not terminated any more: its result stays', async () => {
    const heard = announcements();
    h.app.task('first', () => 'done');
    h.app.task('second', () => 1);
    const worker = await h.start({ hostname: NODE });
    const answers: boolean[] = [];
    h.app.signals.on('after_task_publish', ({ name }) => {
      if (name === 'second') answers.push(worker.terminateTask('a', 'SIGTERM'));
    });

    const result = await h.app.sendTask('first', [], { taskId: 'a', link: signature('second') });
    await worker.stop();

    expect(answers).toEqual([false]);
    expect(heard).toEqual([]);
    expect(await result.get({ timeout: 5 })).toBe('done');
  });

  test('one that waits for a slot or its time is discarded when its turn comes', async () => {
    const ran: number[] = [];
    const gate = Promise.withResolvers<void>();
    h.app.task('t.wait', () => gate.promise);
    h.app.task('t.run', (n: number) => ran.push(n));
    await h.start({ hostname: NODE, concurrency: 1 });
    const later = await h.app.sendTask('t.run', [1], { taskId: 'eta', countdown: 0.2 });
    const first = await h.app.sendTask('t.wait');
    const waiting = await h.app.sendTask('t.run', [2], { taskId: 'slot' });

    await ask('revoke', { task_id: ['eta', 'slot'] });
    expect(await waiting.state()).toBe('REVOKED');
    gate.resolve();
    await first.get({ timeout: 5 });

    for (const result of [later, waiting]) await expect(result.get({ timeout: 5 })).rejects.toBeInstanceOf(TaskRevokedError);
    await expect.poll(() => h.lines.filter((line) => line.includes('Discarding revoked task')).length).toBe(2);
    expect(ran).toEqual([]);
  });

  test('one with a revoked stamp is discarded', async () => {
    h.app.task('t.run', () => 1);
    await h.start({ hostname: NODE });
    expect(await ask('revoke_by_stamped_headers', { headers: ['tenant=blue'] })).toEqual({
      ok: "headers {'tenant': 'blue'} flagged as revoked, but not terminated",
    });

    const headers = { stamped_headers: ['tenant'], stamps: { tenant: ['blue'] } };
    const result = await h.app.sendTask('t.run', [], { headers });

    await expect(result.get({ timeout: 5 })).rejects.toBeInstanceOf(TaskRevokedError);
    expect(h.lines.some((line) => line.endsWith('(revoked by header)'))).toBe(true);
  });

  test('a running one stays as it is', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    h.app.task('t.wait', async () => {
      begun.resolve();
      await gate.promise;
      return 'done';
    });
    await h.start({ hostname: NODE });
    const result = await h.app.sendTask('t.wait', [], { taskId: 'r' });
    await begun.promise;

    await ask('revoke', { task_id: 'r' });
    expect(await result.state()).toBe('PENDING');
    gate.resolve();

    expect(await result.get({ timeout: 5 })).toBe('done');
  });

  test('a state that is not a beginning is not overwritten', async () => {
    h.app.task('t.run', () => 'done');
    await h.start({ hostname: NODE });
    const result = await h.app.sendTask('t.run', []);
    await result.get({ timeout: 5 });

    await ask('revoke', { task_id: result.id });

    expect(await h.app.asyncResult(result.id).state()).toBe('SUCCESS');
  });
});

describe('terminate', () => {
  test.each([true, false])('ends what runs: its signal is aborted and REVOKED stored; acksLate %s', async (acksLate) => {
    const heard = announcements();
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    h.app.task('t.wait', { acksLate }, async function () {
      begun.resolve();
      await new Promise((_resolve, reject) =>
        this.signal.addEventListener('abort', () => {
          aborted.resolve();
          reject(this.signal.reason as Error);
        }),
      );
    });
    const worker = await h.start({ hostname: NODE });
    const result = await h.app.sendTask('t.wait', [], { taskId: 'r' });
    await begun.promise;

    expect(await ask('terminate', { signal: 'KILL', task_id: ['r'] })).toEqual({ ok: 'terminate: r' });
    await aborted.promise;

    await expect(result.get({ timeout: 5 })).rejects.toThrow('terminated');
    expect(heard).toMatchObject([{ request: { id: 'r' }, terminated: true, signum: 9, expired: false }]);
    await expect.poll(() => worker.running).toBe(0);
    expect(await (await h.broker()).size('q')).toBe(0);
  });

  test('what the code does afterwards counts no more', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    h.app.task('t.deaf', async () => {
      begun.resolve();
      await gate.promise;
      return 'done';
    });
    const worker = await h.start({ hostname: NODE });
    const result = await h.app.sendTask('t.deaf', [], { taskId: 'd' });
    await begun.promise;

    await result.revoke({ terminate: true, reply: true, limit: 1 });
    gate.resolve();
    await expect.poll(() => worker.running).toBe(0);

    expect(await h.app.asyncResult('d').state()).toBe('REVOKED');
    expect(h.lines.filter((line) => line.includes('t.deaf[d] succeeded'))).toEqual([]);
  });

  test('by stamp', async () => {
    const begun = Promise.withResolvers<void>();
    h.app.task('t.wait', async function () {
      begun.resolve();
      await new Promise((_resolve, reject) => this.signal.addEventListener('abort', reject));
    });
    await h.start({ hostname: NODE });
    const headers = { stamped_headers: ['tenant'], stamps: { tenant: ['blue', 'red'] } };
    const result = await h.app.sendTask('t.wait', [], { headers });
    await begun.promise;

    expect(await ask('revoke_by_stamped_headers', { headers: { tenant: ['blue'] }, terminate: true })).toEqual({
      ok: "headers defaultdict(<class 'set'>, {'tenant': {'blue'}}) revoked",
    });

    await expect(result.get({ timeout: 5 })).rejects.toBeInstanceOf(TaskRevokedError);
  });
});

describe('a state file', () => {
  test('keeps revoked ids and the clock', async () => {
    const statedb = join(await mkdtemp(join(tmpdir(), 'tq-state-')), 'state.json');
    const first = await h.start({ hostname: NODE, statedb });
    await ask('revoke', { task_id: ['a', 'b'] });
    await first.stop();
    const written = JSON.parse(await readFile(statedb, 'utf8')) as { clock: number };

    const second = await h.start({ hostname: 'w2@here', statedb });

    expect(written).toEqual({ format: 'tq-bridge-state', version: 1, clock: expect.any(Number), revoked: ['a', 'b'] });
    expect(second.state.revoked.ids.ids()).toEqual(['a', 'b']);
    expect(h.app.clock.value).toBeGreaterThan(written.clock);
  });

  test('is written at the next turn when it could not be at this one', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const folder = await mkdtemp(join(tmpdir(), 'tq-state-'));
    const statedb = join(folder, 'state.json');
    await h.start({ hostname: NODE, statedb });
    await ask('revoke', { task_id: ['gone'] });
    await rm(folder, { recursive: true });

    vi.advanceTimersByTime(5000);
    await expect.poll(() => h.lines.join()).toContain('The state could not be written to');
    await mkdir(folder);
    const turn = (): Promise<string> => {
      vi.advanceTimersByTime(5000);
      return readFile(statedb, 'utf8').catch(() => '');
    };

    await expect.poll(turn).toContain('gone');
  });

  test('is not overwritten when it is something else', async () => {
    const statedb = join(await mkdtemp(join(tmpdir(), 'tq-state-')), 'state.db');
    await writeFile(statedb, 'SQLite format 3');

    await expect(h.start({ statedb })).rejects.toBeInstanceOf(ImproperlyConfiguredError);

    expect(await readFile(statedb, 'utf8')).toBe('SQLite format 3');
  });
});
