import type { CeleryApp } from '../app/celery.ts';
import { runInTask } from '../app/current.ts';
import { BackendUnavailableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ResultTuple } from '../protocol/result.ts';
import type { TaskRequest } from '../protocol/task.ts';
import { messageOf } from '../base/message-of.ts';
import { clip, taskLog } from './log-lines.ts';
import type { Running } from './pending.ts';
import { storeState } from './results.ts';
import { unsendable } from './run-task.ts';
import { settle } from './settle.ts';
import { conclude } from './trace.ts';
import type { Effect, Ending } from './trace.ts';

/** What performing needs. */
export interface PerformOptions {
  readonly app: CeleryApp;
  readonly hostname: string;
  readonly logger: Logger;
}

type Publish = Extract<Effect, { readonly kind: 'publish' }>;
type Store = Extract<Effect, { readonly kind: 'store' }>;

/**
 * Does what follows from a run, in order. Never rejects: a success whose callbacks or value cannot be sent becomes a failure;
 * in a failure, what cannot be done is said and the rest still happens. A late-acked task whose result the store does not
 * take goes back to the broker, to run again. Resolves to how the task has ended after all.
 */
export async function finish(running: Running, ending: Ending, options: PerformOptions, replaced = false): Promise<Ending> {
  const { app, logger } = options;
  const { request, delivery } = running.pending;
  const group = new AnonymousGroup(() => options.app.host.uuid());
  for (const effect of conclude(request, ending, running.policy)) {
    try {
      await perform(running, effect, group, options);
    } catch (error) {
      if (error instanceof BackendUnavailableError && effect.kind === 'store') {
        logger.error(`The result of task ${clip(request.task)}[${clip(request.id)}] could not be stored: ${messageOf(error)}`);
        tellInternalError(app, request, error);
        if (running.policy.acksLate) {
          settle(delivery, { kind: 'reject', requeue: true }, logger, request.id);
          return ending;
        }
      } else if (!replaced && (ending.kind === 'success' || (ending.kind === 'failure' && effect.kind === 'store'))) {
        // The value, the failure's arguments or a callback cannot be sent: that is how the task has failed after all.
        const failure = unsendable(error);
        taskLog.failed(logger, request, failure.exception, failure.traceback);
        return finish(running, failure, options, true);
      } else {
        logger.error(`After task ${clip(request.task)}[${clip(request.id)}]: ${messageOf(error)}`);
        tellInternalError(app, request, error);
      }
    }
  }
  return ending;
}

function tellInternalError({ signals }: CeleryApp, request: TaskRequest, exception: unknown): void {
  if (signals.has('task_internal_error')) signals.send('task_internal_error', { taskId: request.id, request, exception });
}

async function perform(running: Running, effect: Effect, group: AnonymousGroup, options: PerformOptions): Promise<void> {
  switch (effect.kind) {
    case 'publish':
      return publish(running, effect, group, options);
    case 'store':
      return store(running, effect, options);
    case 'warn':
      options.logger.error(clip(effect.text, 1000));
      return;
    case 'ack':
    case 'reject':
      settle(running.pending.delivery, effect, options.logger, running.pending.request.id);
  }
}

/** Links sent together carry the headers of a group that has no signature of its own, and are one child. */
class AnonymousGroup {
  readonly #uuid: () => string;
  #id: string | undefined;
  readonly children: ResultTuple[] = [];

  constructor(uuid: () => string) {
    this.#uuid = uuid;
  }

  /** Its id; the first call makes the group a child of the task. */
  join(parent: ResultTuple[]): string {
    if (this.#id === undefined) {
      this.#id = this.#uuid();
      parent.push([[this.#id, null], this.children]);
    }
    return this.#id;
  }
}

async function publish(running: Running, effect: Publish, group: AnonymousGroup, { app }: PerformOptions): Promise<void> {
  const { request } = running.pending;
  const { signature, args, chain, groupIndex } = effect;
  const grouped = groupIndex === undefined ? undefined : { groupId: group.join(running.children), groupIndex };
  const children = grouped === undefined ? running.children : group.children;
  await runInTask({ context: running.context, children }, () =>
    app.sendSignature(signature, { args, chain, parentId: request.id, rootId: request.rootId ?? request.id, ...grouped }),
  );
}

async function store(running: Running, effect: Store, { app, hostname }: PerformOptions): Promise<void> {
  const { delivery, request } = running.pending;
  const own = effect.taskId === request.id ? { request } : {};
  await storeState(app, effect, { delivery, children: running.children, hostname, ...own });
}
