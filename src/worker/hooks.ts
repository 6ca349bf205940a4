/**
 * What remote control changes in parts of a worker that not every worker has. Each part fills in its own; a command
 * without one answers that it cannot.
 */
export interface WorkerHooks {
  /** Starts a second, or `n/s`, `n/m`, `n/h`; 0 and '' are no limit. */
  setRateLimit?: (taskName: string, rate: string | number) => void;
  /** Seconds; `undefined` is no limit. */
  setTimeLimits?: (taskName: string, limits: { readonly soft: number | undefined; readonly hard: number | undefined }) => void;
  /** Options of a task that were changed while running, for `inspect registered`. */
  changedOptions?: (taskName: string) => Readonly<Record<string, unknown>>;
  /** Replaces the children of the pool. */
  restartPool?: () => Promise<void>;
  autoscaler?: {
    info(): Readonly<Record<string, unknown>>;
    update(max: number | undefined, min: number | undefined): { readonly max: number; readonly min: number };
  };
  /** Events: what each answers is the answer to the command. */
  events?: {
    enable(): unknown;
    disable(): unknown;
    heartbeat(): unknown;
    /** Sends a worker event. */
    send(type: string, fields: Readonly<Record<string, unknown>>): void;
  };
  gossip?: {
    election(id: string, topic: string, action: unknown): void;
  };
}
