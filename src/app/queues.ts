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
  readonly #route: ReturnType<typeof createRouter>;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#route = createRouter(settings.task_routes);
    for (const queue of configuredQueues(settings)) this.#queues.set(queue.name, queue);
  }

  /** Queues a worker consumes: those named, or the configured ones without the excluded. Throws `ImproperlyConfiguredError`. */
  consumed(select: readonly string[] | undefined, exclude: readonly string[] = []): Queue[] {
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

  /** What `task_routes` says about a task. */
  routed(name: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): RouteOptions | undefined {
    return this.#route(name, args, kwargs);
  }

  /** Address and queue for publish options: an explicit exchange goes as it is, else a queue decides. */
  resolve(options: RouteOptions): Route {
    if (options.exchange !== undefined && options.queue === undefined) {
      return {
        address: {
          exchange: options.exchange,
          routingKey: options.routingKey ?? this.#settings.task_default_routing_key ?? this.#settings.task_default_queue,
        },
        queue: undefined,
      };
    }
    const queue = this.find(options.queue ?? this.#settings.task_default_queue);
    return { address: addressOf(queue, options), queue };
  }
}

/** Celery sends to a direct queue through the default exchange, unless told exchange and key. */
function addressOf(queue: Queue, options: RouteOptions): Address {
  if (queue.exchange.type === 'direct' && (options.exchange === undefined || options.routingKey === undefined)) {
    return { exchange: '', routingKey: queue.name };
  }
  return { exchange: options.exchange ?? queue.exchange.name, routingKey: options.routingKey ?? queue.routingKey };
}

function configuredQueues(settings: Settings): Queue[] {
  const { task_queues: given, task_queue_max_priority: maxPriority } = settings;
  if (given === null) return [withPriority(defaultQueue(settings), maxPriority)];
  const list = Array.isArray(given)
    ? (given as readonly (string | QueueSetting)[])
    : Object.entries(given).map(([name, rest]) => ({ ...(rest as object), name }));
  return list
    .map((item) => (typeof item === 'string' ? { name: item } : item))
    .map((item) => withPriority(queueOf(item as QueueSetting), maxPriority));
}

function defaultQueue(settings: Settings): Queue {
  const name = settings.task_default_queue;
  return queueOf({
    name,
    exchange: settings.task_default_exchange ?? name,
    exchange_type: settings.task_default_exchange_type as Queue['exchange']['type'],
    routing_key: settings.task_default_routing_key ?? name,
  });
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
