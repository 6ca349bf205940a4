/** Late-acked tasks that run while the broker is lost, with `worker_cancel_long_running_tasks_on_connection_loss`. */

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '../conformance/pool.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

test.each(['async', 'prefork', 'threads'] as const)('%s: a late-acked task is ended, and runs again in the slot it had', async (pool) => {
  await using proxy = await faultProxy(server.url);
  await using place = await openPool(
    { pool, concurrency: 1, taskEvents: true },
    {
      broker_url: proxy.url,
      broker_transport_options: {},
      task_default_queue: `loss-${randomUUID()}`,
      task_acks_late: true,
      worker_cancel_long_running_tasks_on_connection_loss: true,
    },
  );
  const events: string[] = [];
  place.worker.state.observe({ ended: (_running, { kind }) => void events.push(kind) });
  const sent = await place.send('gated', [place.file('started'), place.file('gate')]);
  await expect.poll(() => place.read('started')).toHaveLength(1);

  proxy.cut();

  await place.logged(new RegExp(`Task gated\\[${sent.id}\\] cannot be acknowledged after a connection loss`));
  await expect.poll(() => place.read('started'), { timeout: 20_000 }).toHaveLength(2);
  writeFileSync(place.file('gate'), '');
  expect(await sent.get({ timeout: 20 })).toBe('through');
  await expect.poll(() => events).toEqual(['abandoned', 'success']);
  expect(place.lines.filter((line) => line.includes('could not be'))).toEqual([]);
});
