import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LamportClock } from '../../src/base/lamport.ts';
import { EventLines } from '../../src/cli/events-lines.ts';
import { EventsView } from '../../src/cli/events-view.ts';
import { EventBuffer } from '../../src/events/buffer.ts';
import { readEvents } from '../../src/events/read.ts';
import type { ReceivedEvent } from '../../src/events/read.ts';
import { ClusterState } from '../../src/events/state.ts';
import { makeEvent } from '../../src/protocol/event.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapAfterCollection(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

let clock = 0;
function event(type: string, fields: Readonly<Record<string, unknown>> = {}): ReceivedEvent {
  clock += 1;
  return { hostname: 'w@h', pid: 1, clock, timestamp: clock, local_received: clock, ...fields, type };
}

function stateOf(...events: readonly ReceivedEvent[]): ClusterState {
  const state = new ClusterState({ tasks: 10, workers: 3 });
  for (const one of events) state.apply(one);
  return state;
}

describe('the picture of a cluster', () => {
  test('follows a task to its end', () => {
    const state = stateOf(
      event('task-sent', { uuid: 'u', name: 'add', queue: 'celery', hostname: 'gen@h' }),
      event('task-received', { uuid: 'u', name: 'add', args: '(1,)' }),
      event('task-started', { uuid: 'u' }),
      event('task-succeeded', { uuid: 'u', result: '2', runtime: 0.5 }),
    );

    expect(state.tasks.get('u')).toMatchObject({
      state: 'SUCCESS',
      client: 'gen@h',
      worker: 'w@h',
      fields: { name: 'add', args: '(1,)', result: '2', runtime: 0.5, queue: 'celery' },
    });
    expect(state.taskCount).toBe(1);
  });

  test.each([
    [['succeeded', 'started', 'received'], 'SUCCESS'],
    [['started', 'received'], 'STARTED'],
    [['failed', 'received'], 'FAILURE'],
    [['revoked', 'received'], 'REVOKED'],
    [['retried', 'received', 'started'], 'STARTED'],
    [['failed', 'retried'], 'RETRY'],
    [['received', 'rejected'], 'RECEIVED'],
    [['started', 'progress'], 'PROGRESS'],
    [['progress', 'started'], 'PROGRESS'],
  ])('puts %j right, as Celery does: %s', (subjects, expected) => {
    const state = stateOf(...subjects.map((subject) => event(`task-${subject}`, { uuid: 'u' })));

    expect(state.tasks.get('u')?.state).toBe(expected);
  });

  test('a late receipt fills in the name and nothing else', () => {
    const state = stateOf(
      event('task-succeeded', { uuid: 'u', result: '1' }),
      event('task-received', { uuid: 'u', name: 'n', result: 'x' }),
    );

    expect(state.tasks.get('u')?.fields).toMatchObject({ name: 'n', result: '1' });
  });

  test('a worker lives two of its intervals, and ends with its goodbye', () => {
    const state = stateOf(event('worker-online', { freq: 2, local_received: 100, sw_ident: 'tq-bridge', sw_ver: '1', sw_sys: 'Linux' }));
    const [worker] = state.workers.values();
    if (worker === undefined) throw new Error('no worker');

    expect(worker.software).toBe('tq-bridge 1 Linux');
    expect([state.isAlive(worker, 103.9), state.isAlive(worker, 104)]).toEqual([true, false]);
    state.apply(event('worker-offline', { local_received: 101 }));
    expect(state.isAlive(worker, 101)).toBe(false);
  });

  test('forgets those silent longest', () => {
    const state = new ClusterState({ tasks: 3, workers: 2 });
    for (const uuid of ['a', 'b', 'c', 'a', 'd']) state.apply(event('task-received', { uuid, hostname: `w${uuid}` }));

    expect([...state.tasks.keys()]).toEqual(['c', 'a', 'd']);
    expect(state.workers.size).toBe(2);
  });
});

describe('whatever a stranger sends', () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.record(
      {
        type: fc.oneof(fc.constantFrom('task-received', 'worker-heartbeat', 'task-__proto__', 'worker-online'), fc.anything()),
        hostname: fc.oneof(fc.string(), fc.anything()),
        uuid: fc.oneof(fc.constantFrom('u', '__proto__'), fc.anything()),
        timestamp: fc.oneof(fc.double(), fc.constant(1_795_361_710_539), fc.anything()),
        utcoffset: fc.oneof(fc.double(), fc.anything()),
        clock: fc.oneof(fc.integer(), fc.bigInt(), fc.anything()),
        name: fc.string({ unit: 'binary' }),
        args: fc.string({ unit: 'binary' }),
        freq: fc.anything(),
        loadavg: fc.anything(),
        traceback: fc.string({ unit: 'binary' }),
      },
      { requiredKeys: [] },
    ),
  );

  test('is read, folded, printed and drawn without an error or a control character', () => {
    const state = new ClusterState({ tasks: 5, workers: 5 });
    const view = new EventsView(state);
    const lines = new EventLines();
    fc.assert(
      fc.property(anything, fc.constantFrom('j', 'k', 'i', 't', 'r', 'x', 'c'), (body, key) => {
        for (const one of readEvents(body, 'h', { clock: new LamportClock(), nowMs: 1000 })) {
          state.apply(one);
          expect(lines.line(one)).not.toMatch(/\p{Cc}/u);
        }
        view.press(key);
        const drawn = view.lines({ columns: 80, rows: 10, now: 1 });
        expect(drawn).toHaveLength(10);
        for (const line of drawn) expect(line).not.toMatch(/\p{Cc}/u);
        expect(state.tasks.size + state.workers.size).toBeLessThanOrEqual(10);
      }),
      { numRuns: 500 },
    );
  });

  test('long text is cut', () => {
    const state = stateOf(event('task-failed', { uuid: 'u', traceback: 'x'.repeat(1e6), exception: 'y'.repeat(1e6) }));

    expect(JSON.stringify(state.tasks.get('u')).length).toBeLessThan(6000);
  });

  test('what was cut off is not kept', () => {
    const state = new ClusterState();
    const lines = new EventLines();
    const before = heapAfterCollection();
    for (let n = 0; n < 50; n += 1) {
      lines.line(event('task-failed', { uuid: `${n}${'z'.repeat(2e6)}`, name: 'n' }));
      const long = event('task-failed', { uuid: `u${n}`, name: 'n', args: `${n}${'y'.repeat(2e6)}`, traceback: `${n}${'x'.repeat(2e6)}` });
      state.apply(long);
      lines.line(long);
    }

    expect(heapAfterCollection() - before).toBeLessThan(20e6);
    // Both are still in use.
    expect(state.tasks.size).toBe(50);
    expect(lines.line(event('task-x', { uuid: 'u1' }))).toContain('n(u1)');
  });

  test('numbers that JSON has no word for are printed', () => {
    expect(new EventLines().line(event('worker-x', { big: 2n ** 70n, none: NaN, list: [2n ** 64n] }))).toContain(
      'big=1180591620717411303424, clock=',
    );
  });

  test.each([
    [8.64e12, -24],
    [8.64e12, 24],
    [8.65e12, 0],
    [0, 24],
  ])('a moment of %d in zone %d can be printed', (timestamp, utcoffset) => {
    const body = { type: 'worker-x', hostname: 'h', timestamp, utcoffset };
    const [read] = readEvents(body, undefined, { clock: new LamportClock(), nowMs: 5000 });
    if (read === undefined) throw new Error('not read');

    expect(new EventLines().line(read)).toMatch(/^h \[/);
  });

  test('times in milliseconds are the time of receipt', () => {
    const [read] = readEvents({ type: 'worker-x', hostname: 'h', timestamp: 1e20 }, undefined, { clock: new LamportClock(), nowMs: 5000 });

    expect(read).toMatchObject({ timestamp: 5, local_received: 5 });
  });

  test('the clock of a client is not taken over', () => {
    const ours = new LamportClock(10);
    const [sent] = readEvents({ type: 'task-sent', hostname: 'h', clock: 1000 }, undefined, { clock: ours, nowMs: 0 });
    const [received] = readEvents({ type: 'task-received', hostname: 'h', clock: 1000 }, undefined, { clock: ours, nowMs: 0 });

    expect([sent?.clock, received?.clock, ours.value]).toEqual([9, 1000, 1001]);
  });
});

describe('the lines', () => {
  test('are those of celery events --dump', () => {
    const lines = new EventLines();
    const base = { hostname: 'w@h', timestamp: 0, local_received: 0 };
    lines.line({ ...base, clock: 1, uuid: 'u', name: 'add', args: '(1,)', kwargs: '{}', type: 'task-received' });

    expect(lines.line({ ...base, clock: 2, uuid: 'u', result: '2', type: 'task-succeeded' })).toBe(
      'w@h [1970-01-01 00:00:00.000+00:00] task succeeded: add(u) args=(1,) kwargs={} clock=2, local_received=0, result=2',
    );
  });
});

describe('events that wait', () => {
  const made = (type: string): ReturnType<typeof makeEvent> => makeEvent(type, {}, { hostname: 'h', pid: 1, clock: 1, nowMs: 0 });

  test('travel together within a group, in order, and the oldest go when there are too many', () => {
    const buffer = new EventBuffer(6, new Set(['task']));
    for (const type of ['task-a', 'task-b', 'task-c', 'worker-x', 'task-d', 'task-e', 'task-f', 'task-g']) buffer.push(made(type));
    const taken = [buffer.take(2), buffer.take(2), buffer.take(2)];

    expect(taken.map((parcel) => [parcel?.routingKey, parcel?.events.map(({ type }) => type).join()])).toEqual([
      ['task.multi', 'task-c'],
      ['worker.x', 'worker-x'],
      ['task.multi', 'task-d,task-e'],
    ]);
    expect(buffer.dropped).toBe(2);
    buffer.putBack([made('task-z')]);
    expect(buffer.take(24)?.events.map(({ type }) => type)).toEqual(['task-z', 'task-f', 'task-g']);
  });
});
