import { describe, expect, test } from 'vitest';
import { LamportClock } from '../../src/base/lamport.ts';
import { readEvents } from '../../src/events/read.ts';
import { ClusterState } from '../../src/events/state.ts';
import { batchKey, eventGroup, eventKey } from '../../src/protocol/event.ts';
import type { CeleryEvent } from '../../src/protocol/event.ts';
import { golden, goldenVersions } from '../goldens.ts';
import { errorsOf } from '../schemas/schemas.ts';

const NOW = Date.parse('2026-01-02T03:04:06Z');

describe.each(goldenVersions)('events of Celery %s', (version) => {
  const scenarios = Object.entries(golden(version, 'events')).map(([name, { messages }]) => ({ name, messages }));

  test.each(scenarios)('$name: read, and where ours would go', ({ name, messages }) => {
    expect(messages).toHaveLength(1);
    for (const { body, headers, routing_key: key, exchange } of messages) {
      const value = JSON.parse(body) as CeleryEvent | CeleryEvent[];
      const sent = Array.isArray(value) ? value : [value];
      const read = readEvents(value, headers['hostname'], { clock: new LamportClock(), nowMs: NOW });

      for (const event of sent) expect(errorsOf('event', event)).toEqual([]);
      expect(read).toHaveLength(name === 'batch' ? 3 : 1);
      for (const [index, { clock: _clock, local_received, timestamp, ...fields }] of read.entries()) {
        expect(sent[index]).toMatchObject(fields);
        expect([timestamp, local_received]).toEqual([1_767_323_045.678901, NOW / 1000]);
      }
      const [first = { type: '' }] = sent;
      expect([exchange, key]).toEqual(['celeryev', name === 'batch' ? batchKey(eventGroup(first.type)) : eventKey(first.type)]);
      expect(headers).toEqual({ hostname: name === 'task-sent' ? 'gen1@host' : 'celery@host' });
    }
  });

  test('paint a cluster', () => {
    const state = new ClusterState();
    const bodies = scenarios.flatMap(({ messages }) => messages.map(({ body }) => JSON.parse(body) as unknown));
    for (const body of bodies)
      for (const event of readEvents(body, undefined, { clock: new LamportClock(), nowMs: NOW })) state.apply(event);

    expect([...state.workers.keys()]).toEqual(['celery@host']);
    const [task] = state.tasks.values();
    expect(task).toMatchObject({ worker: 'celery@host', client: 'gen1@host', fields: { name: 'golden.add', runtime: 0.25 } });
    expect(task?.times).toMatchObject({ sent: expect.any(Number), rejected: expect.any(Number) });
  });
});
