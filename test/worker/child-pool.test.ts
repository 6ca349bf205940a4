/** What a pool does with a child whose words cross with its end; children played by the test. */

import { expect, onTestFinished, test, vi } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import type { ChildEvents, Exit } from '../../src/worker/pool/child.ts';
import { ChildPool } from '../../src/worker/pool/child-pool.ts';
import type { Boot, ToChild } from '../../src/worker/pool/wire.ts';
import type { Running } from '../../src/worker/pending.ts';

const KILLED: Exit = { code: null, signal: 'SIGKILL', outOfMemory: false };

interface Played {
  readonly pid: number;
  readonly events: ChildEvents;
  readonly told: ToChild[];
  readonly signals: string[];
}

function poolOf(size: number): { readonly pool: ChildPool; readonly children: Played[]; readonly lines: string[] } {
  const children: Played[] = [];
  const lines: string[] = [];
  const pool = new ChildPool({
    name: 'prefork',
    size,
    start: (events) => {
      const child: Played = { pid: children.length + 1, events, told: [], signals: [] };
      children.push(child);
      return { pid: child.pid, send: (message) => void child.told.push(message), kill: (signal) => void child.signals.push(signal) };
    },
    boot: {} as Boot,
    aliveTimeoutMs: 60_000,
    maxTasksPerChild: undefined,
    maxMemoryPerChildKib: undefined,
    logger: { ...silentLogger, error: (text) => void lines.push(text) },
    json: jsonSerializer,
  });
  return { pool, children, lines };
}

function running(): Running {
  const delivery = { message: {}, info: {}, queue: 'q' };
  return { pending: { delivery, request: { id: 'i', task: 't' } }, children: [] } as unknown as Running;
}

const job = (of: Running): Parameters<ChildPool['run']>[0] => ({
  running: of,
  limits: { soft: undefined, hard: undefined },
  work: () => ({ kind: 'ignore' }),
});

/** The child says that its job has ended. */
function endsJob({ events, told }: Played): void {
  const number = told.findLast((message) => message.type === 'run')?.job ?? 0;
  const ending = { kind: 'success', value: { plain: 1 }, printed: undefined } as const;
  events.onMessage({ type: 'ended', job: number, ending, children: [], rss: 0, trace: undefined });
}

test('a child that is being ended for one task gets no other, and its end is no surprise', async () => {
  const { pool, children, lines } = poolOf(1);
  void pool.start();
  const [first] = children;
  if (first === undefined) throw new Error('no child');
  first.events.onMessage({ type: 'ready' });
  const [lost, next] = [running(), running()];
  const lostEnding = pool.run(job(lost));
  const nextEnding = pool.run(job(next));

  expect(pool.abandon(lost)).toBe(true);
  endsJob(first);
  first.events.onExit(KILLED);

  expect(await lostEnding).toMatchObject({ kind: 'success' });
  expect(first.told.filter(({ type }) => type === 'run')).toHaveLength(1);
  const second = children[1];
  if (second === undefined) throw new Error('no second child');
  second.events.onMessage({ type: 'ready' });
  endsJob(second);
  expect(await nextEnding).toMatchObject({ kind: 'success' });
  expect(lines).toEqual([]);
});

test('a task that is abandoned has that end, whatever else befalls it', async () => {
  const { pool, children } = poolOf(1);
  void pool.start();
  children[0]?.events.onMessage({ type: 'ready' });
  const [held, waiting] = [running(), running()];
  const endings = [pool.run(job(held)), pool.run(job(waiting))];

  pool.abandon(held);
  pool.terminate(held, 'SIGTERM');
  pool.abandon(waiting);
  children[0]?.events.onExit(KILLED);

  expect((await Promise.all(endings.map((ending) => Promise.resolve(ending)))).map(({ kind }) => kind)).toEqual(['abandoned', 'abandoned']);
  expect(pool.abandon(held)).toBe(false);
  const stopped = pool.stop({ graceMs: 0 });
  for (const { events } of children.slice(1)) events.onExit(KILLED);
  await stopped;
});

test('children that die without a task are replaced after a pause, one pause for all', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { pool, children, lines } = poolOf(2);
  void pool.start();
  for (const { events } of children) events.onMessage({ type: 'ready' });

  for (const { events } of children) events.onExit(KILLED);
  vi.advanceTimersByTime(499);
  expect(children).toHaveLength(2);
  vi.advanceTimersByTime(1);

  expect(children).toHaveLength(4);
  expect(lines).toHaveLength(2);
});
