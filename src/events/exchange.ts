import type { Exchange } from '../routing/queue.ts';

/** kombu's transports whose events are a fanout. */
const FANOUT: ReadonlySet<string> = new Set(['redis', 'gcpubsub']);

/** The exchange of events on one kind of broker. `celery/events/event.py get_exchange`. */
export function eventExchange(name: string, driverType: string): Exchange {
  return { name, type: FANOUT.has(driverType) ? 'fanout' : 'topic', durable: true, autoDelete: false };
}
