import type { CeleryApp } from '../../app/celery.ts';
import { bugReport, settingsTable } from '../../app/report.ts';
import { CommandError, ok } from '../../control/panel.ts';
import type { CommandHandler } from '../../control/panel.ts';
import type { Queue } from '../../routing/queue.ts';
import { textsOf } from './arguments.ts';
import type { ControlContext } from './context.ts';
import { runningInfo, scheduledInfo, taskInfo } from './task-info.ts';

type Handlers = Readonly<Record<string, CommandHandler<ControlContext>>>;

/** Ids in one `query_task`: more than a worker can hold. */
const MOST_IDS = 100_000;

/** Celery's inspect commands about tasks, queues and settings. `celery/worker/control.py`. */
export const inspectCommands: Handlers = {
  ping: () => ok('pong'),
  clock: ({ app }) => ({ clock: app.clock.value }),
  report: ({ app }) => ok(bugReport(app)),
  conf: ({ app }, args) => settingsTable(app, args['with_defaults'] === true),
  active: (context, args) => [...context.worker.state.active].map((running) => runningInfo(context, running, args['safe'] === true)),
  reserved: (context) => context.worker.state.reserved().map((pending) => taskInfo(context, pending)),
  scheduled: (context) => context.worker.state.scheduled().map((scheduled) => scheduledInfo(context, scheduled)),
  query_task: queryTask,
  registered,
  active_queues: ({ worker }) => worker.queues.map(queueInfo),
  revoked: ({ worker }) => worker.state.revoked.ids.ids(),
  hello,
  objgraph: () => {
    throw new CommandError('NotImplementedError', "objgraph shows Python's objects; a heap snapshot of Node's shows this worker's");
  },
};

function queryTask(context: ControlContext, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { state } = context.worker;
  const wanted = new Set(textsOf(args, 'ids').slice(0, MOST_IDS));
  const answers: (readonly [string, unknown])[] = [];
  for (const { eta, pending } of state.scheduled())
    if (wanted.has(pending.request.id))
      answers.push([pending.request.id, ['scheduled', scheduledInfo(context, { eta, pending })['request']]]);
  for (const pending of state.reserved())
    if (wanted.has(pending.request.id)) answers.push([pending.request.id, ['reserved', taskInfo(context, pending)]]);
  for (const running of state.active) {
    const { id } = running.pending.request;
    if (wanted.has(id)) answers.push([id, ['active', runningInfo(context, running)]]);
  }
  return Object.fromEntries(answers);
}

const DEFAULT_ITEMS = ['exchange', 'routing_key', 'rate_limit'];

/** Celery's names of task options that a registered task of ours has. */
const TASK_ITEMS: Readonly<Record<string, string>> = {
  exchange: 'exchange',
  routing_key: 'routingKey',
  rate_limit: 'rateLimit',
  queue: 'queue',
  serializer: 'serializer',
  priority: 'priority',
  max_retries: 'maxRetries',
  default_retry_delay: 'defaultRetryDelay',
  acks_late: 'acksLate',
  ignore_result: 'ignoreResult',
  track_started: 'trackStarted',
  time_limit: 'timeLimit',
  soft_time_limit: 'softTimeLimit',
  expires: 'expires',
};

function registered({ app, worker }: ControlContext, args: Readonly<Record<string, unknown>>): string[] {
  const given = args['taskinfoitems'];
  const items = Array.isArray(given) && given.length > 0 ? given : DEFAULT_ITEMS;
  const defaults = taskDefaults(app);
  const names = items.filter((item): item is string => typeof item === 'string' && !item.startsWith('_'));
  return app.tasks
    .names()
    .toSorted()
    .filter((name) => args['builtins'] === true || !name.startsWith('celery.'))
    .map((name) => {
      const options: Readonly<Record<string, unknown>> = {
        ...defaults,
        ...app.tasks.get(name)?.options,
        ...worker.changedOptions.get(name),
      };
      const fields = names.flatMap((item) => {
        const value = Object.hasOwn(TASK_ITEMS, item) ? options[TASK_ITEMS[item] ?? ''] : undefined;
        return value === undefined || value === null ? [] : [`${item}=${pythonText(value)}`];
      });
      return fields.length === 0 ? name : `${name} [${fields.join(' ')}]`;
    });
}

/** What a task has without saying so. `celery/app/task.py Task`. */
function taskDefaults({ settings }: CeleryApp): Readonly<Record<string, unknown>> {
  return {
    serializer: settings.task_serializer,
    maxRetries: 3,
    defaultRetryDelay: 180,
    acksLate: settings.task_acks_late,
    ignoreResult: settings.task_ignore_result,
    trackStarted: settings.task_track_started,
  };
}

function pythonText(value: unknown): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
}

/** A queue as kombu's `as_dict` writes it. */
function queueInfo({ name, exchange, routingKey, arguments: args, durable, exclusive, autoDelete }: Queue): Record<string, unknown> {
  return {
    name,
    exchange: {
      name: exchange.name,
      type: exchange.type,
      arguments: null,
      durable: exchange.durable,
      passive: false,
      auto_delete: exchange.autoDelete,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: routingKey,
    queue_arguments: Object.keys(args).length === 0 ? null : args,
    binding_arguments: null,
    consumer_arguments: null,
    durable,
    exclusive,
    auto_delete: autoDelete,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: args['x-max-priority'] ?? null,
  };
}

/** What a starting worker is told: the ids only, oldest first, which 5.6 and 5.7 both read. */
function hello({ app, hostname, worker }: ControlContext, args: Readonly<Record<string, unknown>>): unknown {
  const { from_node: from, revoked } = args as { readonly from_node?: unknown; readonly revoked?: unknown };
  if (from === hostname) return null;
  worker.logger.info(`sync with ${String(from).slice(0, 256)}`);
  const { ids } = worker.state.revoked;
  ids.add(revokedIds(revoked));
  ids.purge();
  return { revoked: ids.ids(), clock: app.clock.forward() };
}

/** Ids that a peer has revoked: 5.7 sends a list, 5.6 an object with the moments of its own clock. */
export function revokedIds(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((id): id is string => typeof id === 'string');
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
