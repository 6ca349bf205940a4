/** Tasks that are ended between their start and their code: while STARTED is stored, or an earlier result is looked up. */

import { describe, expect, test } from 'vitest';
import { plainQueue } from '../../src/routing/queue.ts';
import type { Channel, Delivery } from '../../src/transport/transport.ts';
import { Executor } from '../../src/worker/executor.ts';
import { Intake } from '../../src/worker/intake.ts';
import { TaskTimeLimits } from '../../src/worker/limits.ts';
import { InProcessPool } from '../../src/worker/pool/in-process.ts';
import { WorkerState } from '../../src/worker/state.ts';
import { harness } from './harness.ts';

const h = harness();

interface Begun {
  readonly executor: Executor;
  readonly id: string;
  readonly delivery: Delivery;
  readonly endings: string[];
  readonly runs: () => number;
}

/** A late-acked task that was just started, on a message that comes for the second time. */
async function begin(settings: Readonly<Record<string, unknown>>): Promise<Begun> {
  const { app } = h;
  app.configure({ task_acks_late: true, ...settings });
  let runs = 0;
  app.task('t', () => (runs += 1));
  const { id } = await app.sendTask('t');
  const channel = await h.broker();
  await (await next(channel)).reject({ requeue: true });
  const delivery = await next(channel);
  const state = new WorkerState(0);
  const endings: string[] = [];
  state.observe({ ended: (_running, { kind }) => void endings.push(kind) });
  const parts = { app, state, hostname: 'w@h', logger: app.logger };
  const limits = new TaskTimeLimits({ hard: undefined, soft: undefined });
  const pool = new InProcessPool('async', 1, app.logger);
  const executor = new Executor({ ...parts, pool, limits, onFree: () => undefined });
  const pending = new Intake(parts).read(delivery);
  if (pending === undefined) throw new Error('the message was disposed of');
  executor.start(pending);
  return { executor, id, delivery, endings, runs: () => runs };
}

async function next(channel: Channel): Promise<Delivery> {
  await channel.declareQueue(plainQueue('celery'));
  const delivery = await channel.get('celery');
  if (delivery === undefined) throw new Error('there is no message');
  return delivery;
}

describe.each([{ task_track_started: true }, { worker_deduplicate_successful_tasks: true }])('%o', (settings) => {
  test('a task whose channel is gone does not begin, and its message is left alone', async () => {
    const { executor, delivery, endings, runs } = await begin(settings);

    executor.cancelUnacked();
    executor.cancelUnacked();
    await executor.idle();

    expect([runs(), endings, delivery.settled]).toEqual([0, ['abandoned'], false]);
    expect(h.lines.filter((line) => line.includes('cannot be acknowledged'))).toHaveLength(1);
  });

  test('a task that is terminated does not begin, and is REVOKED', async () => {
    const { executor, id, delivery, runs } = await begin(settings);

    expect(executor.terminate(id, 'SIGTERM')).toBe(true);
    await executor.idle();

    expect([runs(), delivery.settled]).toEqual([0, true]);
    expect(await h.app.asyncResult(id).state()).toBe('REVOKED');
  });
});
