/**
 * The prefetch of a worker: slots times multiplier, and one more for each task that only waits for its time, `etaLimit` at most
 * where that is more than the slots need. 0 is no limit.
 */
export function prefetchCount(concurrency: number, multiplier: number, held: number, etaLimit: number = Infinity): number {
  if (multiplier === 0) return 0;
  const base = concurrency * multiplier;
  return Math.min(base + held, Math.max(base, etaLimit));
}
