import { UsageError } from './print.ts';

/** An option that takes text. */
export const text: { readonly type: 'string'; readonly requiresArg: true; readonly coerce: (value: unknown) => unknown } = {
  type: 'string',
  requiresArg: true,
  coerce: last,
};

/** How yargs is told of an option that is read by a function of ours. */
export interface Coerced {
  readonly type: 'string';
  readonly requiresArg: true;
  readonly coerce: (value: unknown) => number | undefined;
}

/** An option that takes a number; `UsageError` for anything else. */
export const seconds = (name: string): Coerced => ({
  type: 'string',
  requiresArg: true,
  coerce: (value: unknown) => toNumber(name, value),
});

/** An option that takes a whole number of 0 or more; `UsageError` for anything else. */
export const whole = (name: string): Coerced => ({ type: 'string', requiresArg: true, coerce: (value: unknown) => toWhole(name, value) });

/** An option that takes a whole number of 1 or more; `UsageError` for anything else. */
export const positive = (name: string): Coerced => ({
  type: 'string',
  requiresArg: true,
  coerce: (value: unknown) => toPositive(name, value),
});

/** An option that takes a TCP port, 0 for a free one; `UsageError` for anything else. */
export const port = (name: string): Coerced => ({ type: 'string', requiresArg: true, coerce: (value: unknown) => toPort(name, value) });

/** A repeated option counts once: the last. */
function last(value: unknown): unknown {
  return Array.isArray(value) ? value.at(-1) : value;
}

function toNumber(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(last(value));
  if (!Number.isFinite(number) || String(last(value)).trim() === '')
    throw new UsageError(`--${name} takes a number, not '${String(last(value))}'.`);
  return number;
}

function toWhole(name: string, value: unknown): number | undefined {
  const number = toNumber(name, value);
  if (number !== undefined && (!Number.isInteger(number) || number < 0))
    throw new UsageError(`--${name} takes a whole number of 0 or more.`);
  return number;
}

function toPositive(name: string, value: unknown): number | undefined {
  const number = toWhole(name, value);
  if (number === 0) throw new UsageError(`--${name} takes a whole number of 1 or more.`);
  return number;
}

function toPort(name: string, value: unknown): number | undefined {
  const number = toNumber(name, value);
  if (number !== undefined && !(Number.isInteger(number) && number >= 0 && number <= MAX_PORT))
    throw new UsageError(`--${name} takes a port, a whole number from 0 to ${MAX_PORT}, not '${String(last(value))}'.`);
  return number;
}

const MAX_PORT = 65_535;

/** A comma-separated list as it was given; `undefined` without one. */
export function commaList(value: unknown): string[] | undefined {
  if (typeof value !== 'string') return undefined;
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
