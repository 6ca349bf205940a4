import { SecurityError } from '../base/errors.ts';
import type { EpochMs } from '../base/host.ts';
import type { AdmittedClaims } from '../protocol/signed-claims.ts';

/** How long and how much a worker remembers. */
export interface ReplayOptions {
  /** From when a message is due to when it is refused for its age. */
  readonly windowMs: number;
  /** Messages remembered at most. */
  readonly most: number;
}

interface Remembered {
  readonly nonce: string;
  readonly at: EpochMs;
  readonly until: EpochMs;
  settled: boolean;
}

/**
 * The messages of a strict worker: each is taken once. What a broker delivers again before it was settled is the same
 * message; what comes after, or beside one in hand, is a replay. Pure: the clock is given.
 */
export class ReplayMemory {
  readonly #options: ReplayOptions;
  readonly #known = new Map<string, Remembered>();
  /** The same, oldest first from `#head`: a map that loses its first entries again and again is slow to find the next. */
  #order: Remembered[] = [];
  #head = 0;
  /** Messages signed up to here may have been forgotten for want of room. */
  #floor: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Throws `SecurityError` for a message that was taken before, or is too old to tell. */
  admit({ nonce, at, due }: AdmittedClaims, redelivered: boolean, now: EpochMs): void {
    const until = due + this.#options.windowMs;
    if (now > until) throw new SecurityError(`it is ${Math.round((now - due) / 1000)} s old, more than security_replay_window`);
    const known = this.#known.get(nonce);
    if (known === undefined) {
      if (at <= this.#floor) throw new SecurityError('it is older than the messages still remembered');
      this.#forget(now);
      const remembered = { nonce, at, until, settled: false };
      this.#known.set(nonce, remembered);
      this.#order.push(remembered);
    } else if (known.settled || !redelivered) {
      throw new SecurityError('it is a replay of a message taken before');
    }
  }

  /** The message is done with: it never comes again. */
  settle(nonce: string): void {
    const known = this.#known.get(nonce);
    if (known !== undefined) known.settled = true;
  }

  /** Drops what is refused for its age by now, and the oldest for want of room. */
  #forget(now: EpochMs): void {
    for (let oldest = this.#order[this.#head]; oldest !== undefined; oldest = this.#order[this.#head]) {
      const full = this.#known.size >= this.#options.most;
      if (!full && now <= oldest.until) break;
      this.#known.delete(oldest.nonce);
      this.#head += 1;
      if (now <= oldest.until) this.#floor = Math.max(this.#floor, oldest.at);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
  }
}
