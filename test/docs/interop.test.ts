import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { holeLines, table } from '../../interop/report.ts';
import type { Outcome } from '../../interop/report.ts';
import { holeAt, placeName, places, rows } from '../../interop/stages/stage.ts';
import type { Direction } from '../../interop/stages/stage.ts';
import matrix from '../../interop/matrix.json' with { type: 'json' };

const page = readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8');
const unpadded = (markdown: string): string => markdown.replace(/ +/g, ' ').replace(/-{3,}/g, '---');

/** What a run gives when each cell passes but the holes. */
function promised(direction: Direction): Outcome[] {
  const spots = matrix[direction].flatMap((cell) =>
    places.flatMap((place) => rows.map((row): Omit<Outcome, 'outcome'> => ({ direction, row, cell, ...place }))),
  );
  return spots
    .filter(({ row, celery, on }) => holeAt({ row, celery, on }) === undefined)
    .map((spot): Outcome => ({ ...spot, outcome: holeAt(spot) === undefined ? 'pass' : 'hole' }));
}

describe('docs/interop.md', () => {
  test.each(['to-python', 'from-python'] as const)('its table %s is the matrix, every cell passing but the holes', (direction) => {
    expect(unpadded(page)).toContain(unpadded(table(promised(direction), direction)));
  });

  test.each(holeLines())('it names the hole %s', (line) => {
    expect(page).toContain(line);
  });

  test.each(places)('it says what Celery $celery on $on runs beside', (place) => {
    expect(page).toContain(`- Celery ${placeName(place)}: `);
  });
});
