/** What the tasks wrote of themselves, and what follows from it. */

import { existsSync, readFileSync } from 'node:fs';

/** One line: a task has started or ended. */
export interface Entry {
  readonly id: string;
  readonly what: 'start' | 'end';
  readonly pid: number;
}

/** What became of the tasks of a scenario. `sent` = `executed` + `failed` + `waiting` + `lost`. */
export interface Figures {
  /** Confirmed by the broker. */
  readonly sent: number;
  /** Tasks with at least one completed run. */
  readonly executed: number;
  /** Completed runs beyond the first of each task. */
  readonly duplicated: number;
  /** None completed, and FAILURE is stored: who waits hears of it. */
  readonly failed: number;
  /** None completed, and the message is in its queue. */
  readonly waiting: number;
  /** None of these. */
  readonly lost: number;
}

/** The lines of a ledger; one that is being written counts when it is whole. */
export function readLedger(path: string): Entry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [id = '', what, , pid] = line.split(' ');
    return { id, what: what === 'end' ? 'end' : 'start', pid: Number(pid) };
  });
}

/** Counts the tasks of `sent`; other lines, those of probes, are left out. */
export function figuresOf(
  sent: readonly string[],
  entries: readonly Entry[],
  waiting: ReadonlySet<string>,
  failed: ReadonlySet<string>,
): Figures {
  const runs = new Map(sent.map((id) => [id, 0]));
  for (const { id, what } of entries) {
    const count = runs.get(id);
    if (count !== undefined && what === 'end') runs.set(id, count + 1);
  }
  const unfinished = sent.filter((id) => runs.get(id) === 0);
  const inQueue = unfinished.filter((id) => waiting.has(id));
  const told = unfinished.filter((id) => failed.has(id) && !waiting.has(id));
  return {
    sent: sent.length,
    executed: sent.length - unfinished.length,
    duplicated: [...runs.values()].reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    failed: told.length,
    waiting: inQueue.length,
    lost: unfinished.length - inQueue.length - told.length,
  };
}
