import { batchKey, eventGroup, eventKey } from '../protocol/event.ts';
import type { CeleryEvent } from '../protocol/event.ts';

/** Events that travel in one message. */
export interface Parcel {
  readonly routingKey: string;
  readonly hostname: string;
  readonly events: readonly CeleryEvent[];
  /** Whether its body is an array. */
  readonly batch: boolean;
}

/** Spent slots are kept until they are worth a copy. */
const COMPACT_AT = 1024;

/** Events that wait for the broker, in the order they happened; when there are too many, the oldest go. */
export class EventBuffer {
  readonly #most: number;
  readonly #batched: ReadonlySet<string>;
  #events: CeleryEvent[] = [];
  #head = 0;
  #dropped = 0;

  /** `batched` are the groups whose events travel as arrays. */
  constructor(most: number, batched: ReadonlySet<string>) {
    this.#most = most;
    this.#batched = batched;
  }

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** How many were thrown away. */
  get dropped(): number {
    return this.#dropped;
  }

  push(event: CeleryEvent): void {
    this.#events.push(event);
    this.#shrink();
  }

  /** Puts back what was taken and did not arrive. */
  putBack(events: readonly CeleryEvent[]): void {
    this.#events = [...events, ...this.#events.slice(this.#head)];
    this.#head = 0;
    this.#shrink();
  }

  /** Events that cannot be sent at all. */
  discard(count: number): void {
    this.#dropped += count;
  }

  /** The next message's worth: `limit` events of a batched group at most, any other event alone. */
  take(limit: number): Parcel | undefined {
    const first = this.#events[this.#head];
    if (first === undefined) return undefined;
    const group = eventGroup(first.type);
    const batch = this.#batched.has(group);
    let end = this.#head + 1;
    while (batch && end < this.#events.length && end - this.#head < limit && this.#joins(this.#events[end], group)) end += 1;
    const events = this.#events.slice(this.#head, end);
    this.#head = end;
    this.#compact();
    return { routingKey: batch ? batchKey(group) : eventKey(first.type), hostname: first.hostname, events, batch };
  }

  #joins(event: CeleryEvent | undefined, group: string): boolean {
    return event !== undefined && eventGroup(event.type) === group;
  }

  #shrink(): void {
    const over = this.size - this.#most;
    if (over <= 0) return;
    this.#head += over;
    this.#dropped += over;
    this.#compact();
  }

  #compact(): void {
    if (this.#head < COMPACT_AT || this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}
