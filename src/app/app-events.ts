import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { LamportClock } from '../base/lamport.ts';
import type { Logger } from '../base/logger.ts';
import { EventDispatcher } from '../events/dispatcher.ts';
import { EventReceiver } from '../events/receiver.ts';
import type { CompressorRegistry } from '../message/compression.ts';
import type { DecodeOptions } from '../message/decode.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import { refusalOf } from '../protocol/event.ts';
import type { EventFields } from '../protocol/event.ts';
import type { BrokerLink } from './connection.ts';
import { messageLimits } from './limits.ts';
import type { Settings } from './settings.ts';

/** The largest message of events: a worker's has 24 of them. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What an app's events need of it. */
export interface EventParts {
  readonly settings: () => Settings;
  readonly logger: () => Logger;
  readonly serializers: SerializerRegistry;
  readonly compressors: CompressorRegistry;
  readonly host: Host;
  readonly clock: LamportClock;
  /** The name under which the app itself sends events. */
  readonly origin: string;
  readonly openLink: () => BrokerLink;
}

/** Whose events a dispatcher sends, and which. */
export interface DispatcherChoice {
  readonly hostname: string;
  readonly groups?: readonly string[];
  readonly batched?: readonly string[];
}

/** How an app sends events and listens to them. `celery/app/events.py`. */
export class AppEvents {
  readonly #parts: EventParts;
  #own: EventDispatcher | undefined;

  constructor(parts: EventParts) {
    this.#parts = parts;
  }

  /** A dispatcher with a connection of its own; whoever asked for it closes it. */
  dispatcher(choice: DispatcherChoice): EventDispatcher {
    const { settings, logger, serializers, host, clock, openLink } = this.#parts;
    const { event_exchange: exchange, event_serializer: serializer } = settings();
    const parts = { exchange, serializer: serializers.byName(serializer), host, clock, logger: logger() };
    return new EventDispatcher({ ...parts, link: openLink(), ...choice });
  }

  /** A receiver that is not started yet. Throws `ImproperlyConfiguredError` for a queue that would be both exclusive and durable. */
  receiver(options: { readonly routingKey?: string }): EventReceiver {
    const { settings, logger, host, clock, openLink } = this.#parts;
    const set = settings();
    const { event_queue_exclusive: exclusive, event_queue_durable: durable, event_queue_prefix: prefix } = set;
    if (exclusive && durable)
      throw new ImproperlyConfiguredError('event_queue_exclusive and event_queue_durable: a queue is one or the other');
    const queue = { prefix, exclusive, durable, ttl: set.event_queue_ttl, expires: set.event_queue_expires };
    const parts = { link: openLink(), exchange: set.event_exchange, queue, decoding: this.decoding(), host, clock, logger: logger() };
    return new EventReceiver({ ...parts, ...options });
  }

  /** How events are read: JSON besides `event_serializer`, whatever tasks may be. `celery/events/receiver.py`. */
  decoding(): DecodeOptions {
    const { settings, serializers, compressors } = this.#parts;
    const limits = messageLimits(settings());
    return {
      registry: serializers,
      compressors,
      accept: serializers.contentTypes([settings().event_serializer, 'json']),
      ...limits,
      maxBodyBytes: Math.min(limits.maxBodyBytes, MAX_BYTES),
      maxDecompressedBytes: Math.min(limits.maxDecompressedBytes, MAX_BYTES),
    };
  }

  /** Sends an event as a user means it. Throws `TypeError` for a type or field that cannot be, `EncodeError` for a value that cannot be sent. */
  sendChecked(type: string, fields: EventFields, hostname: string | undefined): void {
    const refusal = refusalOf(type, fields);
    if (refusal !== undefined) throw new TypeError(refusal);
    const { settings, serializers } = this.#parts;
    serializers.byName(settings().event_serializer).encode(fields);
    this.send(type, fields, hostname);
  }

  /** Sends an event of the app's own, over a connection that is opened for the first. */
  send(type: string, fields: EventFields, hostname?: string): void {
    this.#own ??= this.dispatcher({ hostname: this.#parts.origin });
    this.#own.send(type, fields, hostname);
  }

  /** Sends what waits, `graceMs` at most. */
  async close(graceMs: number): Promise<void> {
    await this.#own?.close(graceMs);
  }
}
