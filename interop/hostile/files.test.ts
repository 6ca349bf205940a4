/** Files of the filesystem broker against our worker and, beside it, against Python's. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { redis } from '../../test/servers.ts';
import type { Server } from '../../test/servers.ts';
import { column } from './columns.ts';
import { FILES } from './files.ts';
import { FolderBench } from './folder.ts';
import { startOurs, startPython, Workers } from './workers.ts';

describe('files of the filesystem broker', () => {
  let store: Server;
  beforeAll(async () => {
    store = await redis();
  });
  afterAll(() => store?.stop());

  test('one worker of ours puts aside what is no message', async () => {
    await using bench = new FolderBench(store.url);
    await using workers = new Workers(startOurs, bench.place(), false);

    const ends = await bench.run(workers, FILES);

    expect(ends).toEqual(column(FILES, 'ours'));
    expect(workers.started).toBe(1);
    expect(bench.aside()).toBe(Object.values(ends).filter((end) => end === 'aside').length);
  });

  test('Python ends where the table says', async () => {
    await using bench = new FolderBench(store.url);
    await using workers = new Workers(startPython, bench.place({ polling_interval: 0.1 }), true);

    const ends = await bench.run(workers, FILES);
    console.log(`Python: ${workers.started} workers used up`);

    expect(ends).toEqual(column(FILES, 'python'));
  });
});
