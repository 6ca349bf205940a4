import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CASES, HOLES } from '../../interop/faults/catalogue.ts';
import { allowed } from '../../interop/faults/table.ts';

const page = readFileSync(new URL('../../docs/faults.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| ([A-Z]{2}-\d\d\w?) .*$/gm)].map(([line]) =>
  line.split(' | ').map((cell) => cell.replace(/^\| /, '').trim()),
);

describe('docs/faults.md', () => {
  test('it has every case once, with the bounds that ours is held to', () => {
    const promised = CASES.map((given) => [`${given.id} ${given.title}`, allowed(given)]);

    expect(rows.map(([title, bounds]) => [title, bounds])).toEqual(promised);
  });

  test('ours is within them', () => {
    const beyond = rows.filter(([, bounds = '', ours = '']) => {
      const [lost = 0, duplicated = 0] = bounds.split(' / ').map(Number);
      const [, , ourLost = 0, ourDuplicated = 0] = ours.split(' / ').map(Number);
      return !(ourLost <= lost && ourDuplicated <= duplicated);
    });

    expect(beyond).toEqual([]);
  });

  test.each(HOLES.map(({ id, reason }) => [id, reason]))('it names the hole %s and why', (id, reason) => {
    expect(page).toContain(`- ${id} `);
    expect(page).toContain(reason);
  });
});
