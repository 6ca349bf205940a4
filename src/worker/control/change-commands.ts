import { CommandError, nok, ok } from '../../control/panel.ts';
import type { CommandHandler } from '../../control/panel.ts';
import { NO_ANSWER } from '../../control/node.ts';
import type { ExchangeType, Queue } from '../../routing/queue.ts';
import { plainQueue } from '../../routing/queue.ts';
import { clip } from '../log-lines.ts';
import { optionalText, secondsOf, textOf, wholeOf } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import type { ControlContext } from './context.ts';

/** A stranger must not make a pool of a thousand million. */
const MOST_SLOTS = 10_000;

/** Celery's control commands about the pool, limits, queues and the worker itself. `celery/worker/control.py`. */
export const changeCommands: Readonly<Record<string, CommandHandler<ControlContext>>> = {
  pool_grow: async (context, args) => (await resize(context, args, 1)) ?? ok('pool will grow'),
  pool_shrink: async (context, args) => (await resize(context, args, -1)) ?? ok('pool will shrink'),
  pool_restart: poolRestart,
  autoscale,
  rate_limit: rateLimit,
  time_limit: timeLimit,
  add_consumer: addConsumer,
  cancel_consumer: cancelConsumer,
  enable_events: ({ worker }) => worker.hooks.events?.enable() ?? nok('event dispatcher unavailable'),
  disable_events: ({ worker }) => worker.hooks.events?.disable() ?? nok('event dispatcher unavailable'),
  heartbeat: ({ worker }) => worker.hooks.events?.heartbeat(),
  election,
  shutdown,
};

async function resize({ worker }: ControlContext, args: Arguments, sign: 1 | -1): Promise<{ readonly error: unknown } | undefined> {
  if (worker.autoscaler !== undefined)
    return nok(`${sign > 0 ? 'pool_grow' : 'pool_shrink'} is not supported with autoscale. Adjust autoscale range instead.`);
  const size = worker.concurrency + sign * wholeOf(args, 'n', { fallback: 1, most: MOST_SLOTS });
  if (size > MOST_SLOTS) throw new CommandError('ValueError', `a pool has up to ${MOST_SLOTS} slots`);
  await worker.resize(size);
  return undefined;
}

/** Answers at once: children end when their tasks do. */
function poolRestart({ app, worker }: ControlContext): unknown {
  if (!app.settings.worker_pool_restarts) throw new CommandError('ValueError', 'Pool restarts not enabled');
  worker.taskPool?.restart().catch((error: unknown) => worker.logger.error(`The pool could not be restarted: ${String(error)}`));
  return ok('reload started');
}

function autoscale({ worker }: ControlContext, args: Arguments): unknown {
  const { autoscaler } = worker;
  if (autoscaler === undefined) throw new CommandError('ValueError', 'Autoscale not enabled');
  const bound = (name: 'max' | 'min'): { readonly [key in typeof name]?: number } =>
    args[name] === undefined || args[name] === null ? {} : { [name]: wholeOf(args, name, { fallback: 1, most: MOST_SLOTS }) };
  const { max, min } = autoscaler.update({ ...bound('max'), ...bound('min') });
  return ok(`autoscale now max=${max} min=${min}`);
}

/** Number of starts and unit. `celery/utils/time.py rate`. */
function checkRate(rate: unknown): void {
  if (rate === null || typeof rate === 'number') return;
  if (typeof rate !== 'string') throw new CommandError('TypeError', 'rate_limit must be a text or a number');
  const [count = '', unit] = rate.split('/');
  if (unit !== undefined && !['s', 'm', 'h', ''].includes(unit)) throw new CommandError('KeyError', clip(unit));
  if (rate !== '' && (count.trim() === '' || !Number.isFinite(Number(count)) || Number(count) < 0))
    throw new RangeError(`could not convert string to float: '${clip(count)}'`);
}

function rateLimit({ app, worker }: ControlContext, args: Arguments): unknown {
  const { rate_limit: rate } = args as { readonly rate_limit?: string | number | null };
  try {
    checkRate(rate);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return nok(`Invalid rate limit string: ValueError("${error.message}")`);
  }
  const name = textOf(args, 'task_name');
  if (app.tasks.get(name) === undefined) return unknownTask(worker, 'Rate limit', name);
  worker.rateLimits.set(name, rate ?? 0);
  worker.changedOptions.set(name, { ...worker.changedOptions.get(name), rateLimit: rate ?? undefined });
  if (rate === null || rate === undefined || rate === 0 || rate === '') {
    worker.logger.info(`Rate limits disabled for tasks of type ${clip(name)}`);
    return ok('rate limit disabled successfully');
  }
  worker.logger.info(`New rate limit for tasks of type ${clip(name)}: ${clip(String(rate))}.`);
  return ok('new rate limit set successfully');
}

function timeLimit({ app, worker }: ControlContext, args: Arguments): unknown {
  const name = optionalText(args, 'task_name') ?? '';
  if (app.tasks.get(name) === undefined) return unknownTask(worker, 'Change time limit', name);
  const limits = { soft: secondsOf(args, 'soft'), hard: secondsOf(args, 'hard') };
  worker.timeLimits.set(name, { soft: limits.soft ?? null, hard: limits.hard ?? null });
  worker.changedOptions.set(name, { ...worker.changedOptions.get(name), softTimeLimit: limits.soft, timeLimit: limits.hard });
  worker.logger.info(`New time limits for tasks of type ${clip(name)}: soft=${limits.soft ?? 'None'} hard=${limits.hard ?? 'None'}`);
  return ok('time limits set successfully');
}

function unknownTask(worker: ControlContext['worker'], what: string, name: string): unknown {
  worker.logger.error(`${what} attempt for unknown task ${clip(name)}`);
  return nok('unknown task');
}

const EXCHANGE_TYPES: readonly string[] = ['direct', 'topic', 'fanout', 'headers'] satisfies ExchangeType[];
const LONGEST_NAME = 255;

async function addConsumer({ worker, app }: ControlContext, args: Arguments): Promise<unknown> {
  const name = textOf(args, 'queue');
  if (name === '' || name.length > LONGEST_NAME) throw new CommandError('ValueError', `a queue's name has 1 to ${LONGEST_NAME} characters`);
  const type = optionalText(args, 'exchange_type') ?? 'direct';
  if (!EXCHANGE_TYPES.includes(type)) throw new CommandError('ValueError', `no exchange is of type ${clip(type)}`);
  const exchange = optionalText(args, 'exchange') ?? name;
  const known = app.consumeQueues().find((queue) => queue.name === name);
  const made: Queue = {
    ...plainQueue(name),
    exchange: { name: exchange, type: type as ExchangeType, durable: true, autoDelete: false },
    routingKey: optionalText(args, 'routing_key') ?? name,
  };
  await worker.addQueue(known ?? made);
  return ok(`add consumer ${name}`);
}

async function cancelConsumer({ worker }: ControlContext, args: Arguments): Promise<unknown> {
  const name = textOf(args, 'queue');
  await worker.cancelQueue(name);
  return ok(`no longer consuming from ${name}`);
}

function election({ worker }: ControlContext, args: Arguments): null {
  worker.hooks.gossip?.election(textOf(args, 'id'), textOf(args, 'topic'), args['action'] ?? null);
  return null;
}

/** Nobody answers, as in Celery: the process may be gone before the answer is. */
function shutdown({ worker }: ControlContext, args: Arguments): typeof NO_ANSWER {
  worker.logger.warning(typeof args['msg'] === 'string' ? clip(args['msg'], 1000) : 'Got shutdown from remote');
  void worker.stop().catch((error: unknown) => worker.logger.error(`The worker did not stop: ${String(error)}`));
  return NO_ANSWER;
}
