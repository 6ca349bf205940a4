import { OperationalError } from '../base/errors.ts';
import type { PublishJob } from './publisher.ts';

/** One message on its way out. */
export interface Entry {
  readonly job: PublishJob;
  readonly sequence: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Attempts that failed. */
  attempts: number;
  /** Under way when the broker closed the channel: it may be the one to blame. */
  suspect: boolean;
  bytes: number;
}

/** Spent slots are kept until they are worth a copy. */
const COMPACT_AT = 1024;

/** Messages in the order of their sends: those to be sent again, those waiting, and those the broker has not confirmed. */
export class SendQueue {
  readonly #inFlight = new Set<Entry>();
  /** Sent before and lost: earlier than all that wait, and never more than the window. */
  #again: Entry[] = [];
  #waiting: Entry[] = [];
  #head = 0;
  #sequence = 0;
  #bytes = 0;
  #suspectInFlight = false;

  push(job: PublishJob, resolve: Entry['resolve'], reject: (error: Error) => void): void {
    this.#sequence += 1;
    this.#waiting.push({ job, sequence: this.#sequence, resolve, reject, attempts: 0, suspect: false, bytes: 0 });
  }

  get next(): Entry | undefined {
    return this.#again[0] ?? this.#waiting[this.#head];
  }

  /** All that is not confirmed yet. */
  get size(): number {
    return this.#again.length + this.#waiting.length - this.#head + this.#inFlight.size;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get bytesInFlight(): number {
    return this.#bytes;
  }

  get suspectInFlight(): boolean {
    return this.#suspectInFlight;
  }

  /** The next message went out. */
  sent(entry: Entry, bytes: number): void {
    this.#takeNext();
    entry.bytes = bytes;
    this.#bytes += bytes;
    this.#inFlight.add(entry);
    this.#suspectInFlight = entry.suspect;
  }

  /** The broker has answered, or never will. False when the message was given up before. */
  landed(entry: Entry): boolean {
    if (!this.#inFlight.delete(entry)) return false;
    this.#bytes -= entry.bytes;
    if (this.#inFlight.size === 0) this.#suspectInFlight = false;
    return true;
  }

  /** Puts a lost message back in its place. */
  again(entry: Entry): void {
    const at = this.#again.findLastIndex((other) => other.sequence < entry.sequence);
    this.#again.splice(at + 1, 0, entry);
  }

  /** The next message cannot be sent. */
  drop(entry: Entry, error: Error): void {
    this.#takeNext();
    entry.reject(error);
  }

  /** Counts a failed attempt; false, and a rejected message, when its policy is used up. */
  attempt(entry: Entry, error: Error): boolean {
    entry.attempts += 1;
    const { policy } = entry.job;
    if (policy !== undefined && (policy.max_retries === null || entry.attempts <= policy.max_retries)) return true;
    entry.reject(new OperationalError(`could not publish: ${error.message}`, { cause: error }));
    return false;
  }

  /** Counts a failed attempt for every message that waits. */
  attemptAll(error: Error): void {
    this.#again = this.#again.filter((entry) => this.attempt(entry, error));
    this.#waiting = this.#waiting.slice(this.#head).filter((entry) => this.attempt(entry, error));
    this.#head = 0;
  }

  /** How long the next message has to wait before its next attempt. */
  pauseMs(): number {
    const entry = this.next;
    if (entry?.job.policy === undefined || entry.attempts === 0) return 0;
    const { interval_start: start, interval_step: step, interval_max: most } = entry.job.policy;
    return Math.min(start + step * (entry.attempts - 1), most) * 1000;
  }

  rejectAll(error: Error): void {
    const entries = [...this.#inFlight, ...this.#again, ...this.#waiting.slice(this.#head)];
    this.#inFlight.clear();
    this.#bytes = 0;
    this.#suspectInFlight = false;
    this.#again = [];
    this.#waiting = [];
    this.#head = 0;
    for (const entry of entries) entry.reject(error);
  }

  #takeNext(): void {
    if (this.#again.length > 0) {
      this.#again.shift();
      return;
    }
    this.#head += 1;
    if (this.#head > COMPACT_AT && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }
}
