/** Holds the cases to `matrix.json`: each cell has a case, each case has a cell, each hole is one, and every outcome is reported. */

import { afterAll, expect, test } from 'vitest';

import matrix from './matrix.json' with { type: 'json' };
import type { Outcome } from './report.ts';
import { report } from './report.ts';
import type { Direction, Stage } from './stages/stage.ts';
import { holeAt } from './stages/stage.ts';

/** One case of a suite. */
export type Case<Context> = (context: Context) => Promise<void>;

/** The cases of one direction, by cell. */
export type Cases<Context> = Readonly<Record<string, Case<Context>>>;

/** Registers the test that compares `cases` with the matrix, and prints the table after the last test. */
export function checkCells<Context>(direction: Direction, cases: Cases<Context>, outcomes: readonly Outcome[]): void {
  test('each cell of the matrix has a case and each case a cell', () => {
    expect(Object.keys(cases).toSorted()).toEqual(matrix[direction].toSorted());
  });
  afterAll(() => report(outcomes));
}

/** Registers one test per case for a stage; `context` is asked when a test runs. */
export function runCells<Context>(
  direction: Direction,
  { row, celery, on }: Stage,
  run: { readonly cases: Cases<Context>; readonly outcomes: Outcome[]; readonly context: () => Context },
): void {
  for (const [cell, check] of Object.entries(run.cases)) {
    const spot = { direction, row, cell, celery, on };
    const hole = holeAt(spot);
    test(hole === undefined ? cell : `${cell} is a hole: ${hole.reason}`, async () => {
      const index = run.outcomes.push({ ...spot, outcome: 'fail' }) - 1;
      if (hole === undefined) await check(run.context());
      // A hole that has healed is a wrong line in the matrix.
      else await expect(check(run.context())).rejects.toThrow();
      run.outcomes[index] = { ...spot, outcome: hole === undefined ? 'pass' : 'hole' };
    });
  }
}
