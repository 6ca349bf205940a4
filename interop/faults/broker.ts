/** Brokers and links that fail: the rows BR. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase } from './case.ts';
import type { Stage } from './stage.ts';

const SLOTS = 2;
const PREFETCH = 8;
/** What a broker that forgets acks it has taken may deliver again. */
const RESTART_DUPLICATES = 2 * (PREFETCH + SLOTS);
const LOST = /consumer: Connection to broker lost/;

/** Heartbeats of two seconds: a silent link is lost after two of them. */
const HEARTBEAT = { broker_heartbeat: 2 };

const closeAll = (stage: Stage): Promise<string> => stage.node.ctl('close_all_connections', '--vhost', stage.side, 'fault');

/** A link that is silent for a while under two late-acked tasks. */
const silent =
  (begin: (stage: Stage) => void, end: (stage: Stage) => void) =>
  async (stage: Stage): Promise<void> => {
    await stage.start();
    await stage.send(4, 1, { late: true });
    await stage.started(SLOTS);
    begin(stage);
    const began = performance.now();
    const noticed = stage.says(LOST, 9).then(() => (performance.now() - began) / 1000);
    const seconds = await noticed.catch(() => undefined);
    stage.say(seconds === undefined ? 'not noticed in 9 s' : `noticed after ${seconds.toFixed(1)} s`);
    stage.hold('it is noticed within two heartbeats and a second', seconds !== undefined && seconds <= 5.5);
    end(stage);
    await stage.ended(4);
  };

/** Consumers of the queue that the broker knows of. */
async function oneConsumer(stage: Stage): Promise<void> {
  const consumers = (await stage.place.look(stage.queue))?.consumers;
  stage.hold(`one consumer is left (${consumers})`, consumers === 1);
}

export const BROKER: readonly FaultCase[] = [
  {
    id: 'BR-01',
    title: 'The broker closes the connection of an idle worker',
    play: async (stage) => {
      await stage.start();
      await closeAll(stage);
      const seconds = await stage.probe(10);
      stage.say(`a task ran ${seconds?.toFixed(1) ?? 'never'} s later`);
      stage.hold(`it consumes again within 3 s (${seconds})`, seconds !== undefined && seconds <= 3);
      if (stage.side === 'ours') stage.hold(`one warning (${stage.times(LOST)})`, stage.times(LOST) === 1);
    },
  },
  {
    id: 'BR-02',
    title: 'The broker closes the connection three times under 200 tasks, early ack',
    most: { duplicated: 3 * PREFETCH },
    play: async (stage) => {
      await stage.start();
      await stage.send(200, 0.1);
      for (const starts of [10, 60, 110]) {
        await stage.started(starts);
        await closeAll(stage);
      }
      await stage.ended(200);
    },
  },
  {
    id: 'BR-03',
    title: 'The broker closes the connection under two of 4 tasks, late ack',
    most: { duplicated: SLOTS },
    play: async (stage) => {
      await stage.start();
      await stage.send(4, 4, { late: true });
      await stage.started(SLOTS);
      await closeAll(stage);
      await stage.ended(4);
      await stage.probe(10);
      stage.hold('no stale ack is sent', stage.times(/unknown delivery tag/) === 0);
    },
  },
  {
    id: 'BR-04',
    title: 'The broker is killed under 200 tasks and started again, late ack',
    broker: 'own',
    most: { duplicated: RESTART_DUPLICATES },
    play: async (stage) => {
      await stage.start();
      await stage.send(200, 0.05, { late: true });
      await sleep(300);
      await stage.node.kill();
      await stage.node.start();
      await stage.ended(200, 60);
    },
  },
  {
    id: 'BR-05',
    title: 'The broker is stopped and started under 100 tasks, late ack',
    broker: 'own',
    most: { duplicated: RESTART_DUPLICATES },
    play: async (stage) => {
      await stage.start();
      await stage.send(100, 0.1, { late: true });
      await stage.started(10);
      const stopping = stage.node.ctl('stop_app');
      await stage.send(20, 0.1, { late: true });
      await stopping;
      await stage.node.ctl('start_app');
      await stage.ended(stage.sent.length, 60);
    },
  },
  {
    id: 'BR-06',
    title: 'The broker refuses connections for 5 s at start',
    play: async (stage) => {
      await stage.send(4, 0.1);
      stage.link.refuse(true);
      await stage.start({ ready: /\[tasks\]/ });
      await stage.says(/Trying again in/);
      await sleep(5000);
      stage.link.refuse(false);
      await stage.ended(4);
    },
  },
  {
    id: 'BR-07',
    title: 'The link is silent both ways, heartbeat of 2 s, late ack',
    conf: HEARTBEAT,
    most: { duplicated: SLOTS },
    play: silent(
      (stage) => stage.link.freeze(true),
      (stage) => stage.link.freeze(false),
    ),
  },
  {
    id: 'BR-07b',
    title: 'The link is silent from the broker only',
    conf: HEARTBEAT,
    most: { duplicated: SLOTS },
    play: silent(
      (stage) => stage.link.mute(true),
      (stage) => stage.link.mute(false),
    ),
  },
  {
    id: 'BR-08',
    title: 'The broker stands still, heartbeat of 2 s, late ack',
    broker: 'own',
    conf: HEARTBEAT,
    most: { duplicated: SLOTS },
    play: async (stage) => {
      await silent(
        ({ node }) => node.signal('SIGSTOP'),
        ({ node }) => node.signal('SIGCONT'),
      )(stage);
      await stage.probe(10);
      await oneConsumer(stage);
    },
  },
  {
    id: 'BR-09',
    title: 'A slow link, half a megabyte at 64 kB/s, heartbeat of 2 s',
    conf: HEARTBEAT,
    play: async (stage) => {
      await stage.start();
      stage.link.slowAnswers(65_536);
      await stage.send(1, 0, { bytes: 524_288 });
      await stage.send(3, 0.1);
      await stage.ended(4, 20);
      stage.hold('the connection is kept', stage.times(LOST) === 0);
    },
  },
  {
    id: 'BR-10',
    title: 'consumer_timeout of 2 s, tasks of 6 s and one for later, late ack',
    broker: 'own',
    most: { duplicated: 2 },
    play: async (stage) => {
      await patience(stage, 2000, 500);
      try {
        await stage.start();
        const ids = await stage.send(1, 6, { late: true, how: 'long once' });
        await stage.send(1, 0, { late: true, countdown: 5 });
        await stage.ended(3, 20);
        if (stage.side === 'ours')
          stage.hold('it is said which', stage.times(/timed out/) > 0 && stage.times(new RegExp(ids[0] ?? '')) > 0);
      } finally {
        await patience(stage, 1_800_000, 60_000);
      }
    },
  },
  {
    id: 'BR-11',
    title: 'The queue is deleted under its consumer',
    play: async (stage) => {
      await stage.start();
      await stage.send(1, 0);
      await stage.ended(1);
      await stage.place.remove(stage.queue);
      await stage.until('a new queue', async () => (await stage.place.look(stage.queue))?.consumers === 1, 10);
    },
  },
  {
    id: 'BR-13',
    title: 'The broker runs out of memory and blocks, 20 tasks waiting, late ack',
    broker: 'own',
    play: async (stage) => {
      await stage.send(20, 0.1, { late: true });
      await stage.node.ctl('set_vm_memory_high_watermark', 'absolute', '1');
      try {
        await stage.start();
        const late = stage.send(5, 0.1, { late: true });
        await stage.ended(20);
        await sleep(1000);
        stage.hold('the sender waits', stage.sent.length === 20);
        await stage.node.ctl('set_vm_memory_high_watermark', '0.4');
        await late;
        await stage.ended(25);
      } finally {
        await stage.node.ctl('set_vm_memory_high_watermark', '0.4');
      }
    },
  },
];

/** How long the broker waits for an acknowledgement, and how often it looks, in milliseconds. */
async function patience(stage: Stage, timeout: number, tick: number): Promise<void> {
  const set = (key: string, value: number): string => `application:set_env(rabbit, ${key}, ${value})`;
  await stage.node.ctl('eval', `${set('consumer_timeout', timeout)}, ${set('channel_tick_interval', tick)}.`);
}
