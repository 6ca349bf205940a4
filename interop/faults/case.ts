/** What one fault is: how it comes about, and what ours is held to. */

import type { Stage } from './stage.ts';

/** A scenario that both workers play. */
export interface FaultCase {
  /** As in the catalogue: BR broker, WK worker, RB result backend, SD shutdown. A letter tells variants apart. */
  readonly id: string;
  readonly title: string;
  /**
   * `shared` (the default): one node, a virtual host for each side, which play at the same time. `own`: a node that may be
   * killed, one side after the other. `filesystem`: a folder.
   */
  readonly broker?: 'shared' | 'own' | 'filesystem';
  /** `own`: a store that may be killed. */
  readonly store?: 'shared' | 'own';
  /** Where results go: to Redis (the default), by message, or into a folder. */
  readonly results?: 'redis' | 'rpc' | 'file';
  /** Where ours runs its tasks; Python's are children always. */
  readonly pool?: 'async' | 'prefork';
  /** Settings of both workers over two slots and a prefetch of eight. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** Environment of our worker. */
  readonly env?: Readonly<Record<string, string>>;
  /** Celery's signal at which a worker dies, once. */
  readonly diesAt?: string;
  /** Errors that tasks leave behind on purpose are in the log. */
  readonly strayErrors?: boolean;
  /** What ours may lose and run twice; nothing when it is not given. */
  readonly most?: { readonly lost?: number; readonly duplicated?: number };
  readonly play: (stage: Stage) => Promise<void>;
}

/** A fault that cannot be played yet. */
export interface Hole {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}
