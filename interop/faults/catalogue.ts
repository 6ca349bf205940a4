/** All faults, in the order they are played. */

import { BACKEND } from './backend.ts';
import { BROKER } from './broker.ts';
import type { FaultCase, Hole } from './case.ts';
import { SHUTDOWN, SHUTDOWN_HOLES } from './shutdown.ts';
import { WORKER, WORKER_HOLES } from './worker.ts';

/** Cases by what fails. */
export const GROUPS: Readonly<Record<string, readonly FaultCase[]>> = {
  'The broker and the way to it': BROKER,
  'Workers and children that end': WORKER,
  'The result store': BACKEND,
  Shutdown: SHUTDOWN,
};

export const CASES: readonly FaultCase[] = Object.values(GROUPS).flat();

export const HOLES: readonly Hole[] = [...WORKER_HOLES, ...SHUTDOWN_HOLES];
