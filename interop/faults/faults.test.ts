/** Every fault, played to both workers side by side; ours is held to its bounds, Python's column is written down. */

import { afterAll, expect, test } from 'vitest';
import { pythonVenv } from '../../test/servers.ts';
import { CASES } from './catalogue.ts';
import type { FaultCase } from './case.ts';
import { playOn } from './engine.ts';
import type { Outcome } from './engine.ts';
import { Rack } from './rack.ts';
import { figuresText, notesOf, record } from './record.ts';
import { CELERY, SIDES } from './side.ts';
import type { Side } from './side.ts';

await pythonVenv(CELERY);
const rack = new Rack();
afterAll(() => rack[Symbol.asyncDispose]());

async function playOnBoth(given: FaultCase): Promise<Record<Side['name'], Outcome>> {
  const outcomes: [string, Outcome][] = [];
  const play = async (side: Side): Promise<void> => void outcomes.push([side.name, await playOn(given, side, rack)]);
  if (given.broker === 'own') for (const side of SIDES) await play(side);
  else await Promise.all(SIDES.map(play));
  return Object.fromEntries(outcomes) as Record<Side['name'], Outcome>;
}

test.each(CASES.map((given) => [`${given.id} ${given.title}`, given] as const))('%s', async (_name, given) => {
  const began = performance.now();
  const { ours, python } = await playOnBoth(given);

  record(given.id, { ours, python });
  console.log(
    `${given.id} sent/executed/lost/duplicated: ours ${figuresText(ours.figures)} (${notesOf(ours).join('; ')}), ` +
      `Python ${figuresText(python.figures)} (${notesOf(python).join('; ')}), ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  expect(ours.broken, ours.output.slice(-6000)).toEqual([]);
});
