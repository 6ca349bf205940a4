import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CHANNELS } from '../../interop/hostile/corpus.ts';
import { RESULTS } from '../../interop/hostile/results.ts';
import { hostileDocument } from '../../interop/hostile/table.ts';

const path = new URL('../../docs/hostile.md', import.meta.url).pathname;

test('docs/hostile.md is what the corpus says', async () => {
  await expect(hostileDocument()).toMatchFileSnapshot(path);
});

test('each case stands in it once, under a number of its own', () => {
  const titles = [...Object.values(CHANNELS), RESULTS].flatMap((cases) => Object.keys(cases));
  const listed = [...readFileSync(path, 'utf8').matchAll(/^\| ([A-Z]\d\d) /gm)].map(([, number]) => number ?? '');

  expect(listed.toSorted()).toEqual(titles.map((title) => title.slice(0, 3)).toSorted());
});

test('nothing ends in a crash, hangs or gets lost here', () => {
  const ours = Object.values(CHANNELS).flatMap((cases) => Object.values(cases).map((given) => given.ours));

  expect(ours.filter((end) => end === 'crash' || end === 'hung' || end === 'lost')).toEqual([]);
});
