/** Result stores that are away while tasks end: the rows RB, with Redis. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase } from './case.ts';
import type { Stage } from './stage.ts';

/** How many results are there, at last. */
async function stored(stage: Stage, seconds: number, needed: number): Promise<void> {
  const count = async (): Promise<number> => {
    const states = await Promise.all(stage.sent.map((id) => stage.state(id)));
    return states.filter((state) => state === 'SUCCESS').length;
  };
  await stage.until('the results', async () => (await count()) >= stage.sent.length, seconds).catch(() => undefined);
  const there = await count();
  stage.say(`${there} of ${stage.sent.length} results stored`);
  stage.hold(`at least ${needed} results are stored (${there})`, there >= needed);
}

/** Three tasks after a first one end while the store is away, for so many seconds. */
const awayFor = (seconds: number, leave: (stage: Stage) => unknown, back: (stage: Stage) => unknown) => async (stage: Stage) => {
  await stage.start();
  // Its link to the store is open, and the first result through, before the store leaves.
  const [first = ''] = await stage.send(1, 0);
  await stage.until('a result', async () => (await stage.state(first)) === 'SUCCESS');
  await stage.send(3, 0.5);
  await stage.started(3);
  await leave(stage);
  await sleep(seconds * 1000);
  await back(stage);
  await stored(stage, 15, stage.sent.length);
};

function refuse(stage: Stage): void {
  stage.storeLink.refuse(true);
  stage.storeLink.cut();
}

export const BACKEND: readonly FaultCase[] = [
  { id: 'RB-01', title: 'The store refuses connections for 5 s', play: awayFor(5, refuse, (stage) => stage.storeLink.refuse(false)) },
  {
    id: 'RB-02',
    title: 'The store is away for 35 s, three tasks acked late and three early',
    most: { duplicated: 6 },
    play: async (stage) => {
      await stage.start();
      await stage.send(3, 0.2, { late: true });
      await stage.send(3, 0.2);
      await stage.started(2);
      refuse(stage);
      await sleep(35_000);
      stage.storeLink.refuse(false);
      await stored(stage, 20, 3);
    },
  },
  {
    id: 'RB-03',
    title: 'The link to the store is silent for 5 s',
    play: awayFor(
      5,
      (stage) => stage.storeLink.freeze(true),
      (stage) => stage.storeLink.freeze(false),
    ),
  },
  {
    id: 'RB-04',
    title: 'The store is killed and started again 3 s later, empty',
    store: 'own',
    play: async (stage) => {
      await stage.start();
      await stage.send(3, 0.5);
      await stage.started(2);
      await stage.redis.kill();
      await sleep(3000);
      await stage.redis.start();
      await stored(stage, 15, 3);
    },
  },
];
