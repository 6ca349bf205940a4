import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { LineBudget } from '../../src/worker/line-budget.ts';

describe('a budget of lines', () => {
  let lines: string[];
  let nowMs: number;
  const logger = { ...silentLogger, error: (text: string) => void lines.push(`error: ${text}`) };
  const budget = (perSecond: number | null): LineBudget => new LineBudget({ host: { now: () => nowMs }, logger, perSecond });
  const write = (to: LineBudget, count: number, kind = 'are odd'): void => {
    for (let index = 0; index < count; index += 1) to.write(kind, 'error', () => void lines.push(`${kind} ${index}`));
  };

  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    nowMs = 1_000_000;
  });
  afterEach(() => vi.useRealTimers());

  test('writes so many a second, then counts', () => {
    const lineBudget = budget(3);

    write(lineBudget, 10);
    nowMs += 1000;
    write(lineBudget, 2);

    expect(lines).toEqual([
      'are odd 0',
      'are odd 1',
      'are odd 2',
      'error: 7 more messages that are odd within a second: their lines are left out',
      'are odd 0',
      'are odd 1',
    ]);
  });

  test('counts each kind for itself', () => {
    const lineBudget = budget(1);

    write(lineBudget, 3, 'are odd');
    write(lineBudget, 1, 'are even');

    expect(lines).toEqual(['are odd 0', 'are even 0']);
  });

  test('says what it withheld when nothing more comes, and once only', () => {
    const lineBudget = budget(1);
    write(lineBudget, 5);

    vi.advanceTimersByTime(1000);
    lineBudget.flush();

    expect(lines).toEqual(['are odd 0', 'error: 4 more messages that are odd within a second: their lines are left out']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('starts afresh when the clock is set back', () => {
    const lineBudget = budget(1);
    write(lineBudget, 1);
    nowMs -= 3_600_000;
    write(lineBudget, 1);

    expect(lines).toEqual(['are odd 0', 'are odd 0']);
  });

  test('has no limit when it is null', () => {
    write(budget(null), 500);

    expect(lines).toHaveLength(500);
  });
});
