import { ImproperlyConfiguredError } from '../base/errors.ts';
import { plainQueue } from '../routing/queue.ts';
import type { Address, Queue, Route } from '../routing/queue.ts';
import { createRouter } from '../routing/router.ts';
import type { RouteOptions } from '../routing/router.ts';
import type { QueueSetting, Settings } from './settings.ts';

/** The queues an app knows, and the way of each task to one of them. `celery/app/amqp.py Queues`, `celery/app/routes.py`. */
export class QueueTable {
  readonly #settings: Settings;
  readonly #queues = new Map<string, Queue>();
  /** Routes that a queue's name alone decides: one object for all sends. */
  readonly #plainRoutes = new Map<string, Route>();
  readonly #route: ReturnType<typeof createRouter>;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#route = createRouter(settings.task_routes);
    for (const queue of configuredQueues(settings)) this.#queues.set(queue.name, queue);
  }

  /** Queues a worker consumes: those named, or the configured ones without the excluded. Throws `ImproperlyConfiguredError`. */
  consumed(select?: readonly string[], exclude: readonly string[] = []): Queue[] {
    const names = select ?? [...this.#queues.keys()];
    const queues = names.filter((name) => !exclude.includes(name)).map((name) => this.find(name));
    if (queues.length === 0) throw new ImproperlyConfiguredError('no queue is left to consume');
    return queues;
  }

  /** A configured queue, or one made on the fly. Throws `ImproperlyConfiguredError` with `task_create_missing_queues` off. */
  find(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    if (!this.#settings.task_create_missing_queues) {
      throw new ImproperlyConfiguredError(`the queue ${name} is not in task_queues, and task_create_missing_queues is off`);
    }
    const queue = withPriority(plainQueue(name), this.#settings.task_queue_max_priority);
    this.#queues.set(name, queue);
    return queue;
  }

  /** What `task_routes` says about a task. Throws `ImproperlyConfiguredError` for what a function answers. */
  routed(...call: Parameters<ReturnType<typeof createRouter>>): RouteOptions | undefined {
    return this.#route(...call);
  }

  /**
   * Address and queue for publish options. A queue is declared even where the message goes to an exchange of its own, and a
   * direct exchange without a key is no address: then the queue decides. `celery/app/amqp.py send_task_message`.
   */
  resolve({ queue: name = this.#settings.task_default_queue, exchange, exchangeType, routingKey }: Destination): Route {
    const plain = exchange === undefined && exchangeType === undefined && routingKey === undefined;
    const known = plain ? this.#plainRoutes.get(name) : undefined;
    if (known !== undefined) return known;
    const queue = this.find(name);
    const route = { address: addressOf(queue, { exchange, exchangeType, routingKey }), queue };
    if (plain) this.#plainRoutes.set(name, route);
    return route;
  }

  /** Address for a route that names an exchange and no queue: nothing is declared. Throws `ImproperlyConfiguredError` without a key. */
  resolveExchange({ exchange = '', exchangeType, routingKey }: Destination): Route {
    if (routingKey === undefined && (exchangeType ?? 'direct') === 'direct')
      throw new ImproperlyConfiguredError(`a route to the exchange ${exchange} needs a routing key, or a queue`);
    return { address: { exchange, routingKey: routingKey ?? '' }, queue: undefined };
  }
}

/** Where a message is to go. */
export type Destination = { readonly [key in 'queue' | 'exchange' | 'exchangeType' | 'routingKey']?: string | undefined };

/** Celery sends to a direct queue through the default exchange, unless told exchange and key. */
function addressOf(queue: Queue, { exchange, exchangeType, routingKey }: Destination): Address {
  if ((exchangeType ?? queue.exchange.type) === 'direct' && (!exchange || !routingKey)) return { exchange: '', routingKey: queue.name };
  if (exchange !== undefined) return { exchange, routingKey: routingKey ?? '' };
  return { exchange: queue.exchange.name, routingKey: routingKey ?? queue.routingKey };
}

function configuredQueues(settings: Settings): Queue[] {
  const { task_queues: given, task_queue_max_priority: maxPriority } = settings;
  if (given === null) return [withPriority(defaultQueue(settings), maxPriority)];
  const list = Array.isArray(given)
    ? (given as readonly (string | QueueSetting)[])
    : Object.entries(given).map(([name, rest]) => ({ routing_key: name, ...(rest as object), name }));
  return list.map((item) =>
    withPriority(typeof item === 'string' ? plainQueue(item) : queueOf(completed(item as QueueSetting, settings)), maxPriority),
  );
}

function completed(item: QueueSetting, settings: Settings): QueueSetting {
  const defaults = defaultsOf(settings);
  if (item.exchange !== undefined) return { ...defaults, exchange_type: 'direct', ...item };
  if (item.exchange_type !== undefined)
    throw new ImproperlyConfiguredError(`the queue ${item.name} of task_queues has an exchange_type, and so it needs an exchange`);
  return { ...defaults, ...item };
}

/** What a queue without exchange or key is bound by: the default ones, as in `celery/app/amqp.py Queues`. */
function defaultsOf(settings: Settings): Omit<QueueSetting, 'name'> {
  return {
    exchange: settings.task_default_exchange ?? settings.task_default_queue,
    exchange_type: settings.task_default_exchange_type as Queue['exchange']['type'],
    routing_key: settings.task_default_routing_key ?? settings.task_default_queue,
  };
}

function defaultQueue(settings: Settings): Queue {
  return queueOf({ ...defaultsOf(settings), name: settings.task_default_queue });
}

const QUEUE_KEYS: ReadonlySet<string> = new Set([
  'name',
  'exchange',
  'exchange_type',
  'routing_key',
  'durable',
  'queue_arguments',
  'max_priority',
]);

function queueOf(given: QueueSetting): Queue {
  for (const key of Object.keys(given)) {
    if (!QUEUE_KEYS.has(key))
      throw new ImproperlyConfiguredError(`a queue of task_queues has no ${key}; it has ${[...QUEUE_KEYS].join(', ')}`);
  }
  if (typeof given.name !== 'string' || given.name === '') throw new ImproperlyConfiguredError('a queue of task_queues needs a name');
  const plain = plainQueue(given.name);
  const args =
    given.max_priority === undefined ? given.queue_arguments : { ...given.queue_arguments, 'x-max-priority': given.max_priority };
  return {
    ...plain,
    durable: given.durable ?? true,
    exchange: {
      ...plain.exchange,
      name: given.exchange ?? given.name,
      type: given.exchange_type ?? 'direct',
      durable: given.durable ?? true,
    },
    routingKey: given.routing_key ?? given.name,
    arguments: args ?? {},
  };
}

function withPriority(queue: Queue, maxPriority: number | null): Queue {
  if (maxPriority === null || 'x-max-priority' in queue.arguments) return queue;
  return { ...queue, arguments: { ...queue.arguments, 'x-max-priority': maxPriority } };
}
