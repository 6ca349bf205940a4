/** Workers and children that end under their tasks: the rows WK. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { SignatureWire } from '../../src/protocol/signature.ts';
import type { FaultCase, Hole } from './case.ts';
import type { Stage } from './stage.ts';

/** Slots of a worker: tasks that a kill can hit. */
const SLOTS = 2;

async function killedUnder(stage: Stage, late: boolean): Promise<void> {
  await stage.start();
  await stage.send(4, 3, { late, how: 'long once' });
  await stage.started(SLOTS);
  await stage.kill();
  await stage.start();
  await stage.ended(late ? 4 : 2);
}

/** A worker that ends itself at a moment, and the next one. */
async function diedAndCameBack(stage: Stage, count: number): Promise<void> {
  await stage.gone();
  await stage.start({ dies: false });
  await stage.ended(count);
}

async function succeeded(stage: Stage): Promise<void> {
  const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
  stage.hold(
    `every result is SUCCESS (${[...new Set(states)].join(', ')})`,
    states.every((state) => state === 'SUCCESS'),
  );
}

const received =
  (late: boolean) =>
  async (stage: Stage): Promise<void> => {
    await stage.send(8, 0.1, { late });
    await stage.start({ ready: /ready\.|\[tasks\]/ });
    await diedAndCameBack(stage, 8);
  };

/** Its result is written, and the answer of the store held back, when the worker is killed. */
async function killedAfterResult(stage: Stage): Promise<void> {
  await stage.start();
  await stage.send(1, 0, { late: true });
  await stage.until('a result', async () => (await stage.state(stage.sent[0] ?? '')) === 'SUCCESS');
  stage.storeLink.muteFrom('SUCCESS');
  const [id = ''] = await stage.send(1, 0.2, { late: true });
  await stage.until('its result', async () => (await stage.state(id)) === 'SUCCESS');
  await stage.kill();
  stage.storeLink.mute(false);
  await stage.start();
  await stage.probe(10);
  await succeeded(stage);
}

const link = (stage: Stage): SignatureWire => ({
  task: 'f.early',
  args: [`${stage.queue}-next`, 0],
  kwargs: {},
  options: { task_id: `${stage.queue}-next`, queue: stage.queue },
  subtask_type: null,
  immutable: true,
});

async function diedAtLink(stage: Stage): Promise<void> {
  await stage.start();
  await stage.send(1, 0.1, { late: true, link: link(stage) });
  stage.sent.push(`${stage.queue}-next`);
  await stage.gone();
  await stage.start({ dies: false });
  await stage.until('the link', () => stage.entries('end').some(({ id }) => id.endsWith('-next')));
}

/** `count` good tasks around a bad one, and what is stored of the bad one. */
async function besides(stage: Stage, count: number, bad: () => Promise<readonly string[]>, expected: RegExp): Promise<void> {
  await stage.start();
  await stage.send(count / 2, 0.5, { late: true });
  const ids = await bad();
  await stage.send(count / 2, 0.1, { late: true });
  await stage.ended(count);
  await stage.until('the end of the bad one', async () => /FAILURE|SUCCESS/.test(await stage.state(ids[0] ?? '')), 20);
  const error = await stage.client
    .asyncResult(ids[0] ?? '')
    .get({ timeout: 1 })
    .then(
      () => 'SUCCESS',
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    );
  stage.say(error.split('\n', 1)[0]?.slice(0, 120) ?? '');
  stage.hold(`it is told why (${error})`, stage.side === 'python' || expected.test(error));
}

/** Ends a worker again and again while 200 tasks are drained. */
async function killedAgainAndAgain(stage: Stage): Promise<void> {
  await stage.send(200, 0.1, { late: true });
  let seed = 20_261;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let kill = 0; kill < 20; kill += 1) {
    await stage.start();
    await sleep(50 + random() * 400);
    await stage.kill();
  }
  await stage.start();
  await stage.ended(200);
}

const stopped =
  (seconds: number) =>
  async (stage: Stage): Promise<void> => {
    await stage.start();
    await stage.send(3, 1, { late: true });
    await stage.started(SLOTS);
    process.kill(-stage.pid, 'SIGSTOP');
    await sleep(seconds * 1000);
    process.kill(-stage.pid, 'SIGCONT');
    await stage.ended(3);
    stage.say(`connection lost ${stage.times(/consumer: Connection to broker lost/)} times`);
  };

export const WORKER: readonly FaultCase[] = [
  { id: 'WK-01', title: 'Killed when the first of 8 is received, early ack', diesAt: 'task_received', play: received(false) },
  { id: 'WK-01b', title: 'The same, late ack', diesAt: 'task_received', play: received(true) },
  { id: 'WK-02', title: 'Killed under two of 4, early ack', most: { lost: SLOTS }, play: (stage) => killedUnder(stage, false) },
  { id: 'WK-03', title: 'Killed under two of 4, late ack', play: (stage) => killedUnder(stage, true) },
  {
    id: 'WK-04',
    title: 'Killed when the code has returned and nothing is stored, late ack',
    most: { duplicated: SLOTS },
    play: async (stage) => {
      await stage.start();
      await stage.send(4, 0.3, { late: true, how: 'die at end' });
      await diedAndCameBack(stage, 5);
      await stage.probe(10);
      await succeeded(stage);
    },
  },
  { id: 'WK-05', title: 'Killed when the result is stored and nothing acked', most: { duplicated: 1 }, play: killedAfterResult },
  {
    id: 'WK-05b',
    title: 'The same with worker_deduplicate_successful_tasks',
    conf: { worker_deduplicate_successful_tasks: true },
    play: killedAfterResult,
  },
  { id: 'WK-06', title: 'Killed before a link is sent', diesAt: 'before_task_publish', most: { duplicated: 2 }, play: diedAtLink },
  {
    id: 'WK-06b',
    title: 'Killed when a link was sent and nothing stored',
    diesAt: 'after_task_publish',
    most: { duplicated: 2 },
    play: diedAtLink,
  },
  {
    id: 'WK-07',
    title: 'A child is killed under one of 5 tasks',
    pool: 'prefork',
    play: (stage) =>
      besides(stage, 4, () => stage.send(1, 0, { late: true, how: 'kill child' }), /Worker exited prematurely: signal 9 \(SIGKILL\)/),
  },
  {
    id: 'WK-07b',
    title: 'The same once, task_reject_on_worker_lost',
    pool: 'prefork',
    conf: { task_reject_on_worker_lost: true },
    play: (stage) => besides(stage, 4, () => stage.send(1, 0, { late: true, how: 'once kill child' }), /SUCCESS/),
  },
  {
    id: 'WK-08',
    title: 'A child runs out of memory',
    pool: 'prefork',
    env: { NODE_OPTIONS: '--max-old-space-size=64' },
    strayErrors: true,
    play: (stage) => besides(stage, 4, () => stage.send(1, 0, { late: true, how: 'heap' }), /Worker exited prematurely/),
  },
  {
    id: 'WK-09',
    title: 'A task kills its child every time, task_reject_on_worker_lost; our task_max_deliveries is 3',
    pool: 'prefork',
    conf: { task_reject_on_worker_lost: true, task_max_deliveries: 3 },
    play: async (stage) => {
      await stage.start();
      const [id = ''] = await stage.send(1, 0, { late: true, how: 'kill child' });
      await sleep(6000);
      stage.say(`${stage.entries('start').length} runs in 6 s`);
      stage.hold('it fails at last', (await stage.state(id)) === 'FAILURE');
    },
  },
  {
    id: 'WK-10',
    title: 'Tasks that exit, abort, reject and throw in the void',
    pool: 'prefork',
    strayErrors: true,
    play: async (stage) => {
      await stage.start();
      for (const how of ['exit', 'abort', 'rejection', 'timer']) await stage.send(1, 0.1, { how });
      await stage.ended(2);
      await stage.until('their failures', async () => {
        const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
        return states.filter((state) => state === 'FAILURE').length === 2;
      });
    },
  },
  {
    id: 'WK-11',
    title: 'Endless computing, hard limit of 3 s, heartbeat of 2 s',
    pool: 'prefork',
    conf: { broker_heartbeat: 2 },
    play: async (stage) => {
      await besides(stage, 4, () => stage.send(1, 0, { late: true, how: 'spin', timeLimit: 3 }), /TimeLimitExceeded/);
      stage.hold('the connection is kept', stage.times(/consumer: Connection to broker lost/) === 0);
    },
  },
  { id: 'WK-12', title: 'Stopped for 3 s, heartbeat of 120 s, late ack', play: stopped(3) },
  {
    id: 'WK-12b',
    title: 'Stopped for 7 s, heartbeat of 2 s, late ack',
    conf: { broker_heartbeat: 2 },
    most: { duplicated: SLOTS },
    play: stopped(7),
  },
  { id: 'WK-15', title: '200 tasks, killed 20 times, late ack', most: { duplicated: 20 * SLOTS }, play: killedAgainAndAgain },
];

export const WORKER_HOLES: readonly Hole[] = [
  { id: 'WK-13', title: 'Killed with a visibility timeout of 3 s, restored by the next', reason: 'no Redis broker is built yet' },
];
