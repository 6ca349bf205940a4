/** Messages over AMQP against our worker and, beside it, against Python's. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rabbitmq, redis } from '../../test/servers.ts';
import type { Server } from '../../test/servers.ts';
import { AmqpBench } from './amqp.ts';
import { column } from './columns.ts';
import { JSON_CASES } from './corpus.ts';
import { startOurs, startPython, Workers } from './workers.ts';
import type { Place } from './workers.ts';

/** Megabytes of a process that are in memory. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

describe('messages over AMQP', () => {
  let broker: Server;
  let store: Server;
  let place: Place;
  let bench: AmqpBench;
  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), redis()]);
    place = { broker: broker.url, backend: store.url, dead: '-dead', conf: {} };
    bench = await AmqpBench.open(place);
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  test('one worker of ours survives them all', async () => {
    await using workers = new Workers(startOurs, place, false);
    const { child, queue } = await workers.living();
    const before = residentMb(child.pid);

    const ends = await bench.run(workers, JSON_CASES, 'ours');
    console.log(`our worker: RSS ${before.toFixed(0)} MB before, ${residentMb(child.pid).toFixed(0)} MB after`);

    expect(ends).toEqual(column(JSON_CASES, 'ours'));
    expect(workers.started).toBe(1);
    await workers.retire('SIGTERM');
    expect(await bench.waiting(queue)).toBe(Object.values(ends).filter((end) => end === 'held').length);
  });

  test('Python ends where the table says', async () => {
    await using workers = new Workers(startPython, place, true);

    const ends = await bench.run(workers, JSON_CASES, 'python');
    console.log(`Python: ${workers.started} workers used up`);

    expect(ends).toEqual(column(JSON_CASES, 'python'));
  });
});
