export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers';

/** `kombu.Exchange`. The name `''` is the broker's default exchange and is never declared. */
export interface Exchange {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

/** `kombu.Queue`: a queue, the exchange it is bound to and the key of that binding. */
export interface Queue {
  readonly name: string;
  readonly exchange: Exchange;
  readonly routingKey: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  /** AMQP `x-…` arguments; empty for Celery's ordinary queues. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Where one message is published. Exchange `''` with a queue's name as key reaches that queue. */
export interface Address {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Where a task goes, and what must exist before it does. */
export interface Route {
  readonly address: Address;
  readonly queue: Queue | undefined;
}

/** The queue Celery makes for a bare name: queue = exchange = key, direct, durable, no arguments. */
export function plainQueue(name: string): Queue {
  return {
    name,
    exchange: { name, type: 'direct', durable: true, autoDelete: false },
    routingKey: name,
    durable: true,
    autoDelete: false,
    exclusive: false,
    arguments: {},
  };
}
