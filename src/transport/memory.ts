import type { BrokerUrl } from '../base/broker-url.ts';
import type { Transport } from './transport.ts';
import { VirtualConnection } from './virtual/connection.ts';
import type { Binding } from './virtual/exchange.ts';
import type { Taken, VirtualStore } from './virtual/store.ts';

interface MemoryBroker {
  readonly queues: Map<string, string[]>;
  readonly tables: Map<string, Binding[]>;
  readonly wakers: Set<() => void>;
}

// The one piece of module state: a client and a worker in one process meet here. `resetMemoryBroker` empties it.
const brokers = new Map<string, MemoryBroker>();

/** Forgets every in-memory broker. */
export function resetMemoryBroker(): void {
  brokers.clear();
}

/** Queues in this process, kept by URL: for tests and for a client and a worker in one process. `kombu/transport/memory.py`. */
export const memoryTransport: Transport = {
  driverType: 'memory',
  supports: { priority: false, fanout: true, heartbeat: false },
  connect: (url, options) => Promise.resolve(new VirtualConnection(new MemoryStore(brokerFor(url)), memoryTransport, options)),
};

function brokerFor(url: BrokerUrl): MemoryBroker {
  const broker = brokers.get(url.masked) ?? { queues: new Map(), tables: new Map(), wakers: new Set() };
  brokers.set(url.masked, broker);
  return broker;
}

class MemoryStore implements VirtualStore {
  readonly #broker: MemoryBroker;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  push(queue: string, payload: string): Promise<void> {
    this.#queue(queue).push(payload);
    this.#wake();
    return Promise.resolve();
  }

  take(queues: readonly string[], max: number): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    for (const queue of queues) {
      for (const payload of this.#queue(queue).splice(0, max - taken.length)) taken.push({ queue, payload, handle: undefined });
    }
    return Promise.resolve(taken);
  }

  peek(queue: string): Promise<string | undefined> {
    return Promise.resolve(this.#queue(queue)[0]);
  }

  arrival(queues: readonly string[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || queues.some((queue) => this.#queue(queue).length > 0)) return resolve();
      const wake = (): void => {
        this.#broker.wakers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#broker.wakers.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  requeue(taken: Taken, payload: string): Promise<void> {
    this.#queue(taken.queue).unshift(payload);
    this.#wake();
    return Promise.resolve();
  }

  quarantine(): Promise<void> {
    return Promise.resolve();
  }

  size(queue: string): Promise<number> {
    return Promise.resolve(this.#queue(queue).length);
  }

  purge(queue: string): Promise<number> {
    return Promise.resolve(this.#queue(queue).splice(0).length);
  }

  deleteQueue(queue: string): Promise<void> {
    this.#broker.queues.delete(queue);
    for (const [exchange, table] of this.#broker.tables) {
      this.#broker.tables.set(
        exchange,
        table.filter((binding) => binding.queue !== queue),
      );
    }
    return Promise.resolve();
  }

  bind(exchange: string, binding: Binding): Promise<void> {
    const table = this.#broker.tables.get(exchange) ?? [];
    const known = table.some(
      (row) => row.queue === binding.queue && row.routingKey === binding.routingKey && row.pattern === binding.pattern,
    );
    if (!known) this.#broker.tables.set(exchange, [binding, ...table]);
    return Promise.resolve();
  }

  bindings(exchange: string): Promise<readonly Binding[]> {
    return Promise.resolve(this.#broker.tables.get(exchange) ?? []);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #queue(name: string): string[] {
    const queue = this.#broker.queues.get(name) ?? [];
    this.#broker.queues.set(name, queue);
    return queue;
  }

  #wake(): void {
    for (const wake of this.#broker.wakers) wake();
  }
}
