import type { SignalName } from '../../base/signal-name.ts';
import type { FromChild, ToChild } from './wire.ts';

/** How a child ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: SignalName | null;
  readonly outOfMemory: boolean;
}

/** What a child tells the pool that started it. `onExit` comes last, once. */
export interface ChildEvents {
  readonly onMessage: (message: FromChild) => void;
  readonly onExit: (exit: Exit) => void;
}

/** A process or a thread in which tasks run. */
export interface Child {
  /** Of the process; a thread has its worker's. */
  readonly pid: number;
  /** To a child that has ended: nothing. */
  send(message: ToChild): void;
  /** Ends it from outside, whatever it does: a process with this signal, or with KILL where it would not heed it. A thread is simply ended. */
  kill(signal: SignalName): void;
}

/**
 * Signals that reach every process of a terminal or a service (systemd's KillMode=control-group), or that Node takes for
 * itself (USR1 opens its inspector): a child does not heed them, since what becomes of it is its parent's to say.
 */
export const UNHEEDED: readonly SignalName[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'];

/** Starts a child that waits for its `boot` message. */
export type StartChild = (events: ChildEvents) => Child;

/** The module that a child runs: TypeScript beside TypeScript, JavaScript in the package. */
export function entryUrl(): URL {
  return new URL(`./entry${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}
