import type { CeleryApp } from '../app/celery.ts';
import { messageLimits } from '../app/limits.ts';
import { LOG_FIELD_LENGTH } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { decodeMessage } from '../message/decode.ts';
import type { DecodeOptions } from '../message/decode.ts';
import { decodeTask, peekIds } from '../protocol/detect.ts';
import type { Delivery } from '../transport/transport.ts';
import { disposalOf } from './disposal.ts';
import type { Disposal } from './disposal.ts';
import { LineBudget } from './line-budget.ts';
import { messageOf } from '../base/message-of.ts';
import { clip, taskLog } from './log-lines.ts';
import type { Pending } from './pending.ts';
import { storeState } from './results.ts';
import { settle } from './settle.ts';
import { StrictIntake } from './strict.ts';
import type { WorkerState } from './state.ts';
import { planTask } from './task-plan.ts';
import type { TaskPlan } from './task-plan.ts';

/** What an intake needs. */
export interface IntakeOptions {
  readonly app: CeleryApp;
  readonly hostname: string;
  readonly logger: Logger;
  readonly state: WorkerState;
}

/**
 * Reads deliveries. What can run comes out as `Pending`; what never can is rejected without requeue, its failure stored
 * when it has a usable id, with one line in the log. Nothing a peer sends gets past here as an exception.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #decoding: DecodeOptions;
  readonly #strict: StrictIntake | undefined;
  readonly #plans = new Map<string, TaskPlan>();
  readonly #lines: LineBudget;

  /** Throws `TypeError` when a registered task's parameters cannot be read. */
  constructor(options: IntakeOptions) {
    const { app } = options;
    this.#options = options;
    this.#lines = new LineBudget({ host: app.host, logger: options.logger, perSecond: app.settings.worker_rejected_log_rate });
    this.#decoding = decodingOf(app);
    const signing = app.security?.strict;
    this.#strict = signing === undefined ? undefined : new StrictIntake(signing, app.host, app.settings.security_replay_window);
    for (const name of app.tasks.names()) this.#plan(name);
  }

  /** The task of a delivery, or `undefined` when it was disposed of. Never throws. */
  read(delivery: Delivery): Pending | undefined {
    try {
      return this.#read(delivery);
    } catch (error) {
      // An id on a message that no signature vouches for is a stranger's: a failure under it could end another's task.
      const vouched = this.#options.app.security === undefined;
      const id = vouched ? peekIds(delivery.message.headers, this.#decoding.maxIdLength).id : undefined;
      this.#dispose(delivery, disposalOf(error, id, this.#describe(delivery)));
      return undefined;
    }
  }

  /** Says in the log how many lines were left out, if any were. */
  flushLog(): void {
    this.#lines.flush();
  }

  #read(delivery: Delivery): Pending | undefined {
    const { message } = delivery;
    const body = decodeMessage(message, this.#decoding);
    const taken = this.#strict?.take(delivery, body) ?? delivery;
    const decoded = decodeTask(message.headers, body, this.#decoding.maxIdLength);
    if (decoded.kind === 'task') {
      const plan = this.#plan(decoded.request.task);
      if (plan !== undefined) return { delivery: taken, request: decoded.request, plan };
      const { app, logger, state } = this.#options;
      const { id, task: name } = decoded.request;
      this.#lines.write('are of unregistered tasks', 'error', () => taskLog.unregistered(logger, decoded.request));
      state.unregistered(decoded.request);
      if (app.signals.has('task_unknown')) app.signals.send('task_unknown', { name, id, message });
      const failure = { exc_type: 'NotRegistered', exc_message: [decoded.request.task], exc_module: 'celery.exceptions' };
      this.#dispose(delivery, { level: 'error', kind: '', log: '', id: decoded.request.id, failure });
    } else if (decoded.kind === 'unknown') {
      const log = `Received and deleted unknown message. Wrong destination?!? ${this.#describe(delivery)}`;
      this.#dispose(delivery, { level: 'warning', kind: 'are unknown', log, id: undefined, failure: undefined });
    } else {
      const log = `Received invalid task message: ${decoded.reason} ${this.#describe(delivery)}`;
      this.#dispose(delivery, { level: 'error', kind: 'are invalid', log, id: decoded.id, failure: decoded.failure });
    }
    return undefined;
  }

  /** Plans are made once: at start, and for tasks registered while the worker runs. */
  #plan(name: string): TaskPlan | undefined {
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    const definition = this.#options.app.tasks.get(name);
    if (definition === undefined) return undefined;
    const plan = planTask(definition, this.#options.app);
    this.#plans.set(name, plan);
    return plan;
  }

  #dispose(delivery: Delivery, { level, kind, log, id, failure }: Disposal): void {
    const { app, logger, hostname } = this.#options;
    if (log !== '') {
      this.#lines.write(kind, level, () => logger[level](clip(log, LOG_FIELD_LENGTH)));
      if (app.signals.has('task_rejected')) app.signals.send('task_rejected', { message: delivery.message, reason: log });
    }
    if (id !== undefined && failure !== undefined) {
      storeState(app, { taskId: id, status: 'FAILURE', result: failure }, { delivery, hostname }).catch((error: unknown) => {
        const line = (): void => logger.error(`The failure of ${clip(id)} could not be stored: ${messageOf(error)}`);
        this.#lines.write('failed without a trace', 'error', line);
      });
    }
    settle(delivery, { kind: 'reject', requeue: false }, logger);
  }

  #describe({ message, info }: Delivery): string {
    const { id, task } = peekIds(message.headers, this.#decoding.maxIdLength);
    return `[queue key ${clip(info.routingKey, 100)}, task ${clip(task ?? '?', 100)}, id ${clip(id ?? '?', 100)}, content type ${clip(message.contentType ?? 'none', 100)}, ${message.body.length} bytes]`;
  }
}

/** How task messages of an app are read. */
export function decodingOf({ serializers, compressors, settings }: CeleryApp): DecodeOptions {
  return { registry: serializers, compressors, accept: serializers.contentTypes(settings.accept_content), ...messageLimits(settings) };
}
