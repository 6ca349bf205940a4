import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import { tq } from '../../test/cli/tq.ts';
import { hostStages } from '../stages/host.ts';
import { placeName } from '../stages/stage.ts';
import type { Ground } from '../stages/stage.ts';

const stages = hostStages().filter(({ row }) => row === 'filesystem+file');

describe.each(stages.map((stage) => [placeName(stage), stage] as const))('encode and decode beside Celery %s', (_name, stage) => {
  const queue = `encoded-${randomUUID()}`;
  let place: Ground;
  let spool: string;
  let worker: AsyncDisposable;
  beforeAll(async () => {
    place = await stage.open(queue);
    spool = (place.conf['broker_transport_options'] as { readonly data_folder_in: string }).data_folder_in;
    worker = await place.startWorker([queue]);
  });
  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  test.each([
    ['protocol 2', []],
    ['protocol 1', ['--protocol', '1']],
    ['compressed', ['--compression', 'gzip']],
  ])('a Python worker runs the file that encode wrote: %s', async (_title, more) => {
    await using app = new Celery('encoded', { broker_url: place.broker, result_backend: place.backend, ...place.conf });
    const id = randomUUID();
    const words = ['encode', 'py.add', '-a', '[2, 3]', '--id', id, '--queue', queue, '--broker-format', 'filesystem', ...more];

    // Python dies of a file that is half written: this one appears whole.
    writeFileSync(join(spool, 'whole'), tq(words).out);
    renameSync(join(spool, 'whole'), join(spool, `1_${id}.${queue}.msg`));

    expect(await app.asyncResult(id).get({ timeout: 30 })).toBe(5);
  });

  test('decode shows what Python wrote', async () => {
    await using driver = await place.startDriver();
    const { id } = await driver.ask({ send: 'py.add', args: [2, 3], options: { countdown: 600, queue: 'nobody' } });
    const file = readdirSync(spool).find((name) => name.endsWith('.nobody.msg')) ?? '';

    const report = JSON.parse(tq(['decode', '-', '-j'], spool, { input: readFileSync(join(spool, file)) }).out) as object;

    expect(report).toMatchObject({ form: 'envelope', routing_key: 'nobody', id, args: [2, 3], python: { '5.7': { ending: 'held' } } });
  });
});
