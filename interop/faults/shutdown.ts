/** Workers that are told to end: the rows SD. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase, Hole } from './case.ts';
import type { Stage } from './stage.ts';

/** What a graceful end may cost beyond what still runs. */
const IDLE_SECONDS = 2;
const REFUSED_SECONDS = 5;

async function exits(stage: Stage, code: number, seconds?: number): Promise<void> {
  const end = await stage.gone();
  stage.hold(`the exit code is ${code} (${end.code})`, end.code === code);
  if (seconds !== undefined) stage.hold(`it ends within ${seconds} s (${end.seconds.toFixed(1)} s)`, end.seconds <= seconds);
}

/** Ends and starts a worker again while it drains a queue. */
async function drainedInTurns(stage: Stage, tasks: number, turns: number): Promise<void> {
  await stage.send(tasks, 0.02);
  for (let turn = 1; turn <= turns; turn += 1) {
    await stage.start();
    await stage.ended(Math.floor((tasks * turn) / (turns + 1)));
    stage.signal('SIGTERM');
    await exits(stage, 0);
  }
  await stage.start();
  await stage.ended(tasks);
}

async function thrice(stage: Stage): Promise<void> {
  await stage.start();
  await stage.send(8, 1);
  await stage.started(2);
  for (const _time of [1, 2, 3]) {
    stage.signal('SIGTERM');
    await sleep(150);
  }
  await exits(stage, 0);
  await stage.start();
  await stage.ended(8);
  const succeeded = async (): Promise<number> => {
    const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
    return states.filter((state) => state === 'SUCCESS').length;
  };
  await stage.until('eight results', async () => (await succeeded()) === 8, 5);
}

const quit =
  (late: boolean) =>
  async (stage: Stage): Promise<void> => {
    await stage.start();
    await stage.send(2, 6, { late, how: 'long once' });
    await stage.started(2);
    stage.signal('SIGQUIT');
    await exits(stage, 0);
    await stage.start();
    if (late) await stage.ended(2);
    else {
      const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
      stage.say(`the tasks stay ${[...new Set(states)].join(', ')}`);
    }
  };

export const SHUTDOWN: readonly FaultCase[] = [
  {
    id: 'SD-01',
    title: 'TERM, nothing to do',
    play: async (stage) => {
      await stage.start();
      stage.signal('SIGTERM');
      await exits(stage, 0, IDLE_SECONDS);
    },
  },
  { id: 'SD-02', title: 'TERM four times while 300 tasks are drained', play: (stage) => drainedInTurns(stage, 300, 4) },
  {
    id: 'SD-02b',
    title: 'The same from a folder',
    broker: 'filesystem',
    play: (stage) => drainedInTurns(stage, 300, 4),
  },
  { id: 'SD-03', title: 'TERM three times instead of once', play: thrice },
  { id: 'SD-03b', title: 'The same, results by message (rpc)', results: 'rpc', play: thrice },
  { id: 'SD-03c', title: 'The same, results in files', results: 'file', play: thrice },
  {
    id: 'SD-04',
    title: 'TERM, tasks that take three heartbeats',
    conf: { broker_heartbeat: 2 },
    play: async (stage) => {
      await stage.start();
      await stage.send(2, 6, { late: true });
      await stage.started(2);
      stage.signal('SIGTERM');
      await exits(stage, 0);
      const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
      stage.hold(
        `both succeed (${states.join(', ')})`,
        states.every((state) => state === 'SUCCESS'),
      );
      stage.hold('the connection is kept', stage.times(/consumer: Connection to broker lost/) === 0);
    },
  },
  { id: 'SD-05', title: 'QUIT under two tasks, late ack', play: quit(true) },
  { id: 'SD-05b', title: 'QUIT under two tasks, early ack', play: quit(false) },
  {
    id: 'SD-06',
    title: 'QUIT with 3 s of soft shutdown, tasks of 2 s and of 8 s',
    conf: { worker_soft_shutdown_timeout: 3 },
    play: async (stage) => {
      await stage.start();
      const [short = ''] = await stage.send(1, 2, { late: true, timeLimit: 600 });
      await stage.send(1, 8, { late: true, how: 'long once', timeLimit: 600 });
      await stage.started(2);
      stage.signal('SIGQUIT');
      await exits(stage, 0);
      stage.hold('the short one succeeds', (await stage.state(short)) === 'SUCCESS');
      await stage.start();
      await stage.ended(2);
    },
  },
  {
    id: 'SD-07',
    title: 'TERM while the broker refuses connections',
    play: async (stage) => {
      await stage.start();
      await stage.send(1, 0);
      await stage.ended(1);
      stage.link.refuse(true);
      stage.link.cut();
      await stage.says(/Trying again in|Connection to broker lost/);
      await sleep(500);
      stage.signal('SIGTERM');
      await exits(stage, 0, REFUSED_SECONDS);
    },
  },
  {
    id: 'SD-08',
    title: 'TERM with 100 tasks waiting for their time',
    play: async (stage) => {
      await stage.start();
      await stage.send(100, 0, { countdown: 8 });
      await stage.until('100 received', () => stage.times(/ received/) >= 100);
      stage.signal('SIGTERM');
      await exits(stage, 0, IDLE_SECONDS);
      await stage.until('100 in the queue', async () => (await stage.place.look(stage.queue))?.messages === 100, 5);
      await stage.start();
      await stage.ended(100);
    },
  },
  {
    id: 'SD-09',
    title: 'TERM while the result store refuses connections, late ack',
    play: async (stage) => {
      await stage.start();
      await stage.send(2, 1, { late: true });
      await stage.started(2);
      stage.storeLink.refuse(true);
      stage.storeLink.cut();
      stage.signal('SIGTERM');
      await stage.gone(60);
      const end = await stage.worker.child.exitCode;
      stage.hold(`the exit code is 0 (${end})`, end === 0);
    },
    most: { duplicated: 2 },
  },
  {
    id: 'SD-10',
    title: 'Remote control `shutdown`',
    play: async (stage) => {
      await stage.start();
      await stage.send(4, 1);
      await stage.started(2);
      stage.worker.meant = true;
      await stage.client.control.broadcast('shutdown');
      await exits(stage, 0);
      await stage.start();
      await stage.ended(4);
    },
  },
  {
    id: 'SD-12',
    title: 'INT is warm, again cold; children are gone',
    pool: 'prefork',
    play: async (stage) => {
      await stage.start();
      await stage.send(2, 20, { late: true, how: 'long once' });
      await stage.started(2);
      const children = stage.entries('start').map(({ pid }) => pid);
      stage.signal('SIGINT');
      await stage.says(/Warm shutdown/);
      stage.signal('SIGINT');
      const { code } = await stage.gone();
      stage.say(`exit code ${code}`);
      if (stage.side === 'ours') stage.hold(`the exit code is 1 (${code})`, code === 1);
      stage.hold('no child is left', children.every(isGone));
      await stage.start();
      await stage.ended(2);
    },
  },
  {
    id: 'SD-13',
    title: 'A second worker of the same name',
    play: async (stage) => {
      await stage.start();
      const first = stage.worker;
      await stage.start({ ready: /ready\.|Unrecoverable/ });
      const second = stage.worker;
      if (/Unrecoverable/.test(second.child.output())) {
        await stage.gone();
        stage.fail(`the second ends with ${await second.child.exitCode}`);
        stage.workers.pop();
      }
      await stage.send(20, 0.2);
      await stage.ended(20);
      stage.hold('it is said', /RESOURCE_LOCKED|may be running/.test(second.child.output()));
      if (second.child.exited()) return;
      const pids = new Set(stage.entries('end').map(({ pid }) => pid)).size;
      stage.hold(`both run tasks (${pids} processes)`, pids >= 2);
      first.meant = true;
      process.kill(first.child.pid, 'SIGTERM');
      await stage.until('the end of the first', () => first.child.exited());
    },
  },
  {
    id: 'SD-14',
    title: 'TERM while a task publishes over a link that holds back the answer',
    play: async (stage) => {
      await stage.start();
      stage.link.muteFrom('-child');
      const [id = ''] = await stage.send(1, 0.5, { late: true, how: 'publish' });
      await stage.started(1);
      await sleep(300);
      stage.signal('SIGTERM');
      await sleep(1500);
      stage.link.mute(false);
      await exits(stage, 0);
      stage.sent.push(`${id}-child`);
      await stage.start();
      await stage.until('the child', () => stage.entries('end').some((entry) => entry.id === `${id}-child`), 10);
    },
  },
];

export const SHUTDOWN_HOLES: readonly Hole[] = [
  { id: 'SD-11', title: '100 starts and TERMs at a random phase of BRPOP', reason: 'no Redis broker is built yet' },
];

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
