import type { Host } from '../base/host.ts';
import type { Logger, LogLevel } from '../base/logger.ts';

const SECOND_MS = 1000;

/** What a budget is made of. */
export interface LineBudgetOptions {
  readonly host: Pick<Host, 'now'>;
  readonly logger: Logger;
  /** Lines a second of one kind; `null` is no limit. */
  readonly perSecond: number | null;
}

/** One kind's second: how many lines it has had, and how many it has not. */
interface Window {
  readonly startMs: number;
  readonly level: LogLevel;
  written: number;
  withheld: number;
}

/**
 * Keeps a flood of messages from becoming a flood of lines: of one kind so many a second are written, then one line counts
 * the rest. Kinds are few and ours: no text of a peer's may be one.
 */
export class LineBudget {
  readonly #options: LineBudgetOptions;
  readonly #windows = new Map<string, Window>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LineBudgetOptions) {
    this.#options = options;
  }

  /** Writes the line, or counts it when this second's lines of its kind are used up. `kind` reads as "messages that …". */
  write(kind: string, level: LogLevel, line: () => void): void {
    const { perSecond } = this.#options;
    if (perSecond === null) return line();
    const window = this.#window(kind, level);
    if (window.written < perSecond) {
      window.written += 1;
      return line();
    }
    window.withheld += 1;
    this.#timer ??= setTimeout(() => this.flush(), SECOND_MS).unref();
  }

  /** Says now what was withheld. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [kind, window] of this.#windows) this.#close(kind, window);
    this.#windows.clear();
  }

  #window(kind: string, level: LogLevel): Window {
    const nowMs = this.#options.host.now();
    const current = this.#windows.get(kind);
    // A clock that was set back starts a new second, too.
    if (current !== undefined && nowMs >= current.startMs && nowMs - current.startMs < SECOND_MS) return current;
    if (current !== undefined) this.#close(kind, current);
    const fresh = { startMs: nowMs, level, written: 0, withheld: 0 };
    this.#windows.set(kind, fresh);
    return fresh;
  }

  #close(kind: string, { level, withheld }: Window): void {
    if (withheld > 0) this.#options.logger[level](`${withheld} more messages that ${kind} within a second: their lines are left out`);
  }
}
