/** What the scenarios of the soak share: figures, bounds, and the counts of what a process holds. */
import { readdirSync } from 'node:fs';

/** Figures of one scenario, and the bounds they broke. */
export class Report {
  readonly #figures: Record<string, number> = {};
  readonly #broken: string[] = [];

  /** Notes a figure; `holds` false means that its bound is broken. */
  figure(name: string, value: number, holds = true, bound = ''): void {
    this.#figures[name] = Math.round(value * 100) / 100;
    if (!holds) this.#broken.push(`${name} is ${this.#figures[name]}: expected ${bound}`);
  }

  /** Notes a figure that may be at most `most`. */
  atMost(name: string, value: number, most: number): void {
    this.figure(name, value, value <= most, `at most ${most}`);
  }

  /** Notes a figure that must be exactly this. */
  exactly(name: string, value: number, wanted: number): void {
    this.figure(name, value, value === wanted, String(wanted));
  }

  /** Prints the report as one line of JSON; the runner reads it. */
  print(): void {
    console.log(JSON.stringify({ figures: this.#figures, broken: this.#broken }));
  }
}

/** A line for whoever watches. */
export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

/** The broker the runner started. */
export function brokerUrl(): string {
  const url = process.env['SOAK_BROKER'];
  if (url === undefined) throw new Error('SOAK_BROKER is not set: start scenarios through npm run soak');
  return url;
}

/** Resident memory in MB, after a collection where the runtime lets us ask for one. */
export function rssMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1e6;
}

/** Open file descriptors of this process. */
export function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Timers and handles that keep this process alive. */
export function resources(): number {
  return process.getActiveResourcesInfo().length;
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until this is so, `timeoutMs` at most; false when it did not come. */
export async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await wait(50);
  }
  return true;
}

/** Counts what no process may have: errors nobody caught. */
export function strayErrors(): () => number {
  let count = 0;
  const note = (error: unknown): void => {
    count += 1;
    progress(`stray error: ${error instanceof Error ? error.stack : String(error)}`);
  };
  process.on('uncaughtException', note).on('unhandledRejection', note);
  return () => count;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
