/** Holds a suite to `matrix.json`: each cell has a case, each case has a cell, and every outcome is reported. */

import { afterAll, expect, test } from 'vitest';

import type { Outcome, Row } from './harness.ts';
import { report } from './harness.ts';
import matrix from './matrix.json' with { type: 'json' };

/** One case of a suite. */
export type Case<Context> = (context: Context) => Promise<void>;

/** Registers the test that compares `cases` with the matrix, and prints the table after the last test. */
export function checkCells<Context>(
  direction: Outcome['direction'],
  cases: Readonly<Record<string, Case<Context>>>,
  outcomes: readonly Outcome[],
): void {
  test('each cell of the matrix has a case and each case a cell', () => {
    expect(Object.keys(cases).toSorted()).toEqual(matrix[direction].toSorted());
  });
  afterAll(() => report(outcomes));
}

/** Registers one test per case for a row and a release; `context` is asked when a test runs. */
export function runCells<Context>(
  place: { direction: Outcome['direction']; row: Row; celery: string; outcomes: Outcome[] },
  cases: Readonly<Record<string, Case<Context>>>,
  context: () => Context,
): void {
  const { direction, row, celery, outcomes } = place;
  for (const [cell, run] of Object.entries(cases)) {
    test(cell, async () => {
      const index = outcomes.push({ direction, row, cell, celery, outcome: 'fail' }) - 1;
      await run(context());
      outcomes[index] = { direction, row, cell, celery, outcome: 'pass' };
    });
  }
}
