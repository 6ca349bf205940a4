const RATE = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Whether this is a rate limit: `10/s`, `100/m`, `2/h`, or a number a second. */
export function isRate(value: unknown): value is string | number {
  return typeof value === 'string' ? RATE.test(value) : typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Starts a second; 0 is no limit. Throws `RangeError` for what is no rate. `celery/utils/time.py rate`. */
export function ratePerSecond(rate: string | number | null): number {
  if (rate === null) return 0;
  if (!isRate(rate))
    throw new RangeError(`a rate limit is '10/s', '100/m', '2/h' or a number a second, not '${String(rate).slice(0, 100)}'`);
  if (typeof rate === 'number') return rate;
  const [, amount, unit = 's'] = RATE.exec(rate) ?? [];
  return Number(amount) / (SECONDS[unit] ?? 1);
}
