import type { Host } from '../base/host.ts';
import type { LamportClock } from '../base/lamport.ts';
import type { Logger } from '../base/logger.ts';
import type { Serializer } from '../message/serializer.ts';
import { eventGroup, makeEvent } from '../protocol/event.ts';
import type { EventFields } from '../protocol/event.ts';
import { EventBuffer } from './buffer.ts';
import { EventOutlet } from './outlet.ts';
import type { EventLink } from './outlet.ts';

/** What a dispatcher needs. */
export interface DispatcherOptions {
  readonly link: EventLink;
  readonly exchange: string;
  readonly serializer: Serializer;
  readonly host: Host;
  readonly clock: LamportClock;
  readonly logger: Logger;
  readonly hostname: string;
  /** Groups that are sent; none named is all of them. */
  readonly groups?: readonly string[];
  /** Groups whose events travel as arrays, as those of Celery's workers do. */
  readonly batched?: readonly string[];
  /** Events kept while the broker is away; then the oldest go. */
  readonly capacity?: number;
}

const CAPACITY = 10_000;

/**
 * Sends events. Nobody waits for one: an event is put aside, sent on the next turn of the event loop over a connection of
 * the dispatcher's own, and kept while the broker is away. `celery/events/dispatcher.py EventDispatcher`.
 */
export class EventDispatcher {
  readonly hostname: string;
  readonly #options: DispatcherOptions;
  readonly #groups: Set<string>;
  readonly #batched: ReadonlySet<string>;
  readonly #buffer: EventBuffer;
  readonly #outlet: EventOutlet;
  #closed = false;

  constructor(options: DispatcherOptions) {
    this.hostname = options.hostname;
    this.#options = options;
    this.#groups = new Set(options.groups);
    this.#batched = new Set(options.batched);
    this.#buffer = new EventBuffer(options.capacity ?? CAPACITY, this.#batched);
    this.#outlet = new EventOutlet({ ...options, buffer: this.#buffer });
  }

  /** Whether events of a group are sent: ask before building one on the way of every message. */
  sends(group: string): boolean {
    return !this.#closed && (this.#groups.size === 0 || this.#groups.has(group));
  }

  /** How many events were lost because the broker stayed away too long. */
  get dropped(): number {
    return this.#buffer.dropped;
  }

  /** Sends an event, unless its group is not sent. Never throws. */
  send(type: string, fields: EventFields, hostname: string = this.hostname): void {
    const group = eventGroup(type);
    if (!this.sends(group)) return;
    const { host, clock } = this.#options;
    this.#buffer.push(makeEvent(type, fields, { hostname, pid: host.pid, clock: clock.forward(), nowMs: host.now() }));
    this.#outlet.wake({ soon: this.#batched.has(group) });
  }

  /** Sends a group from now on. False when it was sent before, as it is where all groups are. `celery/worker/control.py enable_events`. */
  enable(group: string): boolean {
    if (this.#groups.size === 0 || this.#groups.has(group)) return false;
    this.#groups.add(group);
    return true;
  }

  /** Sends a group no more. False when it was not named before: a dispatcher of all groups goes on, as Celery's does. */
  disable(group: string): boolean {
    return this.#groups.delete(group);
  }

  /** Sends what waits, `graceMs` at most, and disconnects. Later events are ignored. Idempotent. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#outlet.close(graceMs);
  }
}
