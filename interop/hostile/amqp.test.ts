/** Messages over AMQP against our worker and, beside it, against Python's. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rabbitmq, redis } from '../../test/servers.ts';
import type { Server } from '../../test/servers.ts';
import { KeyFolder } from '../../test/certificates.ts';
import { AmqpBench, PROBE } from './amqp.ts';
import type { AmqpCase, Cases } from './case.ts';
import { column } from './columns.ts';
import { JSON_CASES } from './corpus.ts';
import { MSGPACK } from './msgpack.ts';
import { makeSigners, SIGNED, signedProbe, withSigners } from './signed.ts';
import { startOurs, startPython, Workers } from './workers.ts';
import type { Place } from './workers.ts';

/** What the second pass may add: garbage that was not collected yet. */
const GROWTH_MB = 64;

/** Megabytes of a process that are in memory. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

const keys = new KeyFolder();
const signers = makeSigners(keys);

/** A worker that takes one kind of message. */
interface Kind {
  readonly cases: Cases;
  readonly conf: Readonly<Record<string, unknown>>;
  readonly probe: AmqpCase;
}

const KINDS: Readonly<Record<string, Kind>> = {
  JSON: { cases: JSON_CASES, conf: {}, probe: PROBE },
  msgpack: { cases: MSGPACK, conf: { accept_content: ['json', 'msgpack'] }, probe: PROBE },
  signed: { cases: withSigners(SIGNED, signers), conf: { ...signers.known }, probe: signedProbe(signers) },
};

describe.each(Object.entries(KINDS))('%s messages over AMQP', (_name, { cases, conf, probe }) => {
  let broker: Server;
  let store: Server;
  let place: Place;
  let bench: AmqpBench;
  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), redis()]);
    place = { broker: broker.url, backend: store.url, dead: '-dead', conf };
    bench = await AmqpBench.open(place);
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  test('one worker of ours survives them all, twice, and grows no more', async () => {
    await using workers = new Workers(startOurs, place, false);
    const { child, queue } = await workers.living();
    const sizes = [residentMb(child.pid)];

    for (const _time of [1, 2]) {
      expect(await bench.run(workers, cases, 'ours', probe)).toEqual(column(cases, 'ours'));
      sizes.push(residentMb(child.pid));
    }

    expect(workers.started).toBe(1);
    console.log(`our worker: RSS ${sizes.map((size) => size.toFixed(0)).join(' MB, ')} MB`);
    expect((sizes[2] ?? 0) - (sizes[1] ?? 0)).toBeLessThan(GROWTH_MB);
    await workers.retire('SIGTERM');
    expect(await bench.waiting(queue)).toBe(2 * Object.values(cases).filter((given) => given.ours === 'held').length);
  });

  test('Python ends where the table says', async () => {
    await using workers = new Workers(startPython, place, true);

    const ends = await bench.run(workers, cases, 'python', probe);
    console.log(`Python: ${workers.started} workers used up`);

    expect(ends).toEqual(column(cases, 'python'));
  });
});

afterAll(() => keys[Symbol.dispose]());
