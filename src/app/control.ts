import type { Answer as Reply } from '../control/answers.ts';
import type { BroadcastOptions, ControlClient } from '../control/client.ts';
import { Inspect } from './inspect.ts';
import type { InspectOptions } from './inspect.ts';

export type { Answer as Reply } from '../control/answers.ts';

/** How a control command is sent. With `reply` it resolves to the answers, else to `[]` once it is sent. */
export interface ControlOptions extends BroadcastOptions {
  readonly reply?: boolean;
}

/** `terminate` also ends tasks that run, with `signal`: SIGTERM by default. */
export interface RevokeOptions extends ControlOptions {
  readonly terminate?: boolean;
  readonly signal?: string;
}

/** Remote control of workers, in any language: `app.control`. `celery/app/control.py Control`. */
export class Control {
  readonly #client: ControlClient;

  constructor(client: ControlClient) {
    this.#client = client;
  }

  /** Commands that look, by method: `await app.control.inspect().active()`. */
  inspect(options: InspectOptions = {}): Inspect {
    return new Inspect(this, options);
  }

  /**
   * Sends any command. Rejects with `TypeError` for a destination that is no array or names no node, `RangeError` for a bad timeout,
   * and with `ConnectionError` without a broker.
   */
  async broadcast(command: string, options: ControlOptions = {}): Promise<Reply[]> {
    const { destination, timeout, pattern, matcher } = options;
    if (destination !== undefined && !Array.isArray(destination)) throw new TypeError('destination must be an array of node names');
    // Workers take none for all.
    if (destination?.length === 0) throw new TypeError('destination names no node; leave it out to reach every node');
    if (timeout !== undefined && !(timeout >= 0)) throw new RangeError('timeout must be seconds of 0 or more');
    // A pattern alone would reach everybody.
    if ((pattern === undefined) !== (matcher === undefined)) throw new TypeError('pattern and matcher go together');
    if (options.reply === true) return this.#client.call(command, options);
    await this.#client.cast(command, options);
    return [];
  }

  /** Asks for a sign of life. Resolves to one answer a node. */
  ping(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('ping', {}, { reply: true, ...options });
  }

  /** Tasks that have not started are thrown away when their turn comes. */
  revoke(taskId: string | readonly string[], options: RevokeOptions = {}): Promise<Reply[]> {
    const { terminate = false, signal = 'SIGTERM', ...rest } = options;
    return this.#command('revoke', { task_id: taskId, terminate, signal }, rest);
  }

  /** As `revoke`, for every task with one of these stamps. */
  revokeByStampedHeaders(headers: Readonly<Record<string, string | readonly string[]>>, options: RevokeOptions = {}): Promise<Reply[]> {
    const { terminate = false, signal = 'SIGTERM', ...rest } = options;
    return this.#command('revoke_by_stamped_headers', { headers, terminate, signal }, rest);
  }

  /** Revokes, and ends what runs by force where the pool can. */
  terminate(taskId: string | readonly string[], options: Omit<RevokeOptions, 'terminate'> = {}): Promise<Reply[]> {
    return this.revoke(taskId, { ...options, terminate: true });
  }

  /** `rateLimit`: starts a second, or `'100/m'`; 0 is no limit. */
  rateLimit(taskName: string, rateLimit: string | number, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('rate_limit', { task_name: taskName, rate_limit: rateLimit }, options);
  }

  /** Seconds; what is left out is no limit. */
  timeLimit(taskName: string, limits: { readonly soft?: number; readonly hard?: number }, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('time_limit', { task_name: taskName, hard: limits.hard ?? null, soft: limits.soft ?? null }, options);
  }

  /** Consumes one more queue; its exchange has its name unless given. */
  addConsumer(queue: string, options: ControlOptions & AddConsumer = {}): Promise<Reply[]> {
    const { exchange, exchangeType = 'direct', routingKey, ...rest } = options;
    const args = { queue, exchange: exchange ?? null, exchange_type: exchangeType, routing_key: routingKey ?? null };
    return this.#command('add_consumer', args, rest);
  }

  cancelConsumer(queue: string, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('cancel_consumer', { queue }, options);
  }

  enableEvents(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('enable_events', {}, options);
  }

  disableEvents(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('disable_events', {}, options);
  }

  heartbeat(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('heartbeat', {}, options);
  }

  poolGrow(n = 1, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('pool_grow', { n }, options);
  }

  poolShrink(n = 1, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('pool_shrink', { n }, options);
  }

  poolRestart(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('pool_restart', { modules: null, reload: false, reloader: null }, options);
  }

  autoscale(max: number, min: number, options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('autoscale', { max, min }, options);
  }

  /** Warm shutdown. Nobody answers. */
  shutdown(options: ControlOptions = {}): Promise<Reply[]> {
    return this.#command('shutdown', {}, options);
  }

  #command(name: string, own: Readonly<Record<string, unknown>>, options: ControlOptions): Promise<Reply[]> {
    return this.broadcast(name, { ...options, arguments: { ...own, ...options.arguments } });
  }
}

/** Where a queue that a worker shall consume is bound. */
export interface AddConsumer {
  readonly exchange?: string;
  readonly exchangeType?: string;
  readonly routingKey?: string;
}
