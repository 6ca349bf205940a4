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
  /** Ends it from outside, whatever it does; a thread knows no signals and is simply ended. */
  kill(signal: SignalName): void;
}

/** Starts a child that waits for its `boot` message. */
export type StartChild = (events: ChildEvents) => Child;

/** The module that a child runs: TypeScript beside TypeScript, JavaScript in the package. */
export function entryUrl(): URL {
  return new URL(`./entry${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}
