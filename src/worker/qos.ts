/** The prefetch of a worker: slots times multiplier, and one more for each task that only waits for its time. 0 is no limit. */
export function prefetchCount(concurrency: number, multiplier: number, held: number): number {
  return multiplier === 0 ? 0 : concurrency * multiplier + held;
}
