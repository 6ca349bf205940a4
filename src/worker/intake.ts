import type { CeleryApp } from '../app/celery.ts';
import { ContentDisallowedError, DecodeError, LimitError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { decodeMessage } from '../message/decode.ts';
import type { DecodeOptions } from '../message/decode.ts';
import { decodeTask, peekIds } from '../protocol/detect.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import type { Delivery } from '../transport/transport.ts';
import { clip, taskLog } from './log-lines.ts';
import type { Pending } from './pending.ts';
import { storeState } from './results.ts';
import { settle } from './settle.ts';
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

/** A failure to be stored for a message that can never run. */
interface Disposal {
  /** Celery's: unknown is a warning, unreadable critical. */
  readonly level: 'warning' | 'error' | 'critical';
  readonly log: string;
  readonly id: string | undefined;
  readonly failure: ExceptionWire | undefined;
}

/**
 * Reads deliveries. What can run comes out as `Pending`; what never can is rejected without requeue, its failure stored
 * when it has a usable id, with one line in the log. Nothing a peer sends gets past here as an exception.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #decoding: DecodeOptions;
  readonly #plans = new Map<string, TaskPlan>();

  /** Throws `TypeError` when a registered task's parameters cannot be read. */
  constructor(options: IntakeOptions) {
    const { app } = options;
    this.#options = options;
    this.#decoding = {
      registry: app.serializers,
      compressors: app.compressors,
      accept: app.serializers.contentTypes(app.settings.accept_content),
      maxBodyBytes: app.settings.message_max_bytes,
      maxDecompressedBytes: app.settings.message_max_decompressed_bytes,
    };
    for (const name of app.tasks.names()) this.#plan(name);
  }

  /** The task of a delivery, or `undefined` when it was disposed of. Never throws. */
  read(delivery: Delivery): Pending | undefined {
    try {
      return this.#read(delivery);
    } catch (error) {
      this.#dispose(delivery, this.#disposalOf(delivery, error));
      return undefined;
    }
  }

  #read(delivery: Delivery): Pending | undefined {
    const { message } = delivery;
    const decoded = decodeTask(message.headers, decodeMessage(message, this.#decoding));
    if (decoded.kind === 'task') {
      const plan = this.#plan(decoded.request.task);
      if (plan !== undefined) return { delivery, request: decoded.request, plan };
      const { app, logger, state } = this.#options;
      const { id, task: name } = decoded.request;
      taskLog.unregistered(logger, decoded.request);
      state.unregistered(decoded.request);
      if (app.signals.has('task_unknown')) app.signals.send('task_unknown', { name, id, message });
      const failure = { exc_type: 'NotRegistered', exc_message: [decoded.request.task], exc_module: 'celery.exceptions' };
      this.#dispose(delivery, { level: 'error', log: '', id: decoded.request.id, failure });
    } else if (decoded.kind === 'unknown') {
      const log = `Received and deleted unknown message. Wrong destination?!? ${this.#describe(delivery)}`;
      this.#dispose(delivery, { level: 'warning', log, id: undefined, failure: undefined });
    } else {
      const log = `Received invalid task message: ${decoded.reason} ${this.#describe(delivery)}`;
      this.#dispose(delivery, { level: 'error', log, id: decoded.id, failure: decoded.failure });
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

  #disposalOf(delivery: Delivery, error: unknown): Disposal {
    const { id } = peekIds(delivery.message.headers);
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ContentDisallowedError)
      return {
        level: 'error',
        log: `${message} ${this.#describe(delivery)}`,
        id,
        failure: celeryFailure('ContentDisallowed', message, 'kombu.exceptions'),
      };
    if (error instanceof DecodeError || error instanceof LimitError) {
      return {
        level: 'critical',
        log: `Can't decode message body: ${message} ${this.#describe(delivery)}`,
        id,
        failure: celeryFailure('DecodeError', message, 'kombu.exceptions'),
      };
    }
    return {
      level: 'error',
      log: `Could not handle a message: ${message} ${this.#describe(delivery)}`,
      id,
      failure: celeryFailure('InvalidTaskError', message, 'celery.exceptions'),
    };
  }

  #dispose(delivery: Delivery, { level, log, id, failure }: Disposal): void {
    const { app, logger, hostname } = this.#options;
    if (log !== '') {
      logger[level](clip(log, 1000));
      if (app.signals.has('task_rejected')) app.signals.send('task_rejected', { message: delivery.message, reason: log });
    }
    if (id !== undefined && failure !== undefined) {
      storeState(app, { taskId: id, status: 'FAILURE', result: failure }, { delivery, hostname }).catch((error: unknown) =>
        logger.error(`The failure of ${clip(id)} could not be stored: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
    settle(delivery, { kind: 'reject', requeue: false }, logger);
  }

  #describe({ message, info }: Delivery): string {
    const { id, task } = peekIds(message.headers);
    return `[queue key ${clip(info.routingKey, 100)}, task ${clip(task ?? '?', 100)}, id ${clip(id ?? '?', 100)}, content type ${clip(message.contentType ?? 'none', 100)}, ${message.body.length} bytes]`;
  }
}

function celeryFailure(type: string, message: string, module: string): ExceptionWire {
  return { exc_type: type, exc_message: [message], exc_module: module };
}
