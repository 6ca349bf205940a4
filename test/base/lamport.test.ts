import { describe, expect, test } from 'vitest';
import { LamportClock } from '../../src/base/lamport.ts';

describe('the Lamport clock', () => {
  test('counts one on for each thing sent', () => {
    const clock = new LamportClock(41);

    expect([clock.forward(), clock.forward(), clock.value]).toEqual([42, 43, 43]);
  });

  test.each([
    [3, 11],
    [10, 11],
    [500, 501],
    [500n, 501],
  ])('is beyond both after hearing %s', (heard, now) => {
    expect(new LamportClock(10).adjust(heard)).toBe(now);
  });

  test.each([null, undefined, '99', 1.5, Number.NaN, Infinity, 2 ** 62, -5, {}, []])('counts %s as 0', (heard) => {
    expect(new LamportClock(10).adjust(heard)).toBe(11);
  });
});
