/** What a case of the matrix stands on: servers, and Python beside them. Suites choose the stages, cases never ask which. */

import type { Driver } from '../driver.ts';
import matrix from '../matrix.json' with { type: 'json' };

/** A pairing of broker and result backend. */
export type Row = 'amqp+rpc' | 'amqp+redis' | 'filesystem+file';
/** Every row, in the order of the table. */
export const rows: readonly Row[] = ['amqp+rpc', 'amqp+redis', 'filesystem+file'];

/** Which way tasks cross. */
export type Direction = 'to-python' | 'from-python';

/** One column of the matrix: a release of Celery and where it runs, `host` or the Debian release of a container. */
export interface Place {
  readonly celery: string;
  readonly on: string;
}

/** A promise that a place cannot keep, and why. What is not named is any. */
export interface Hole {
  readonly direction?: string;
  readonly row?: string;
  readonly cell?: string;
  readonly celery?: string;
  readonly on?: string;
  readonly reason: string;
}

/** The servers of one row, the settings both sides share, and Python on the other side. */
export interface Ground extends AsyncDisposable {
  /** URLs as this process reaches the servers. */
  readonly broker: string;
  readonly backend: string;
  readonly conf: Readonly<Record<string, unknown>>;
  /** Starts a real Celery worker on `queues`. Resolves when it says it is ready. */
  startWorker(queues: readonly string[]): Promise<AsyncDisposable>;
  /** Starts a Python process that sends tasks. */
  startDriver(): Promise<Driver>;
}

/** A place and a row; `open` starts its servers with `queue` as the default queue of both sides. */
export interface Stage extends Place {
  readonly row: Row;
  open(queue: string): Promise<Ground>;
}

/** Every place of `matrix.json`. */
export const places: readonly Place[] = matrix.places;
/** Every hole of `matrix.json`. */
export const holes: readonly Hole[] = matrix.holes;

/** The hole that `spot` lies in, if any. A hole that names a cell does not cover a question without one. */
export function holeAt(spot: Omit<Hole, 'reason'>): Hole | undefined {
  const keys = ['direction', 'row', 'cell', 'celery', 'on'] as const;
  return holes.find((hole) => keys.every((key) => hole[key] === undefined || hole[key] === spot[key]));
}

/** The name of a place in tables and test titles. */
export function placeName({ celery, on }: Place): string {
  return on === 'host' ? celery : `${celery} (${on})`;
}

/** The arguments of `celery` for a worker on `queues` that says nothing to other workers. */
export function workerArgs(pool: readonly string[], queues: readonly string[]): string[] {
  const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat'];
  return ['-A', 'app', 'worker', ...pool, '-l', 'INFO', '-Q', queues.join(','), ...quiet];
}
