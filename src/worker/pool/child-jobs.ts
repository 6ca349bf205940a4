import type { CeleryApp } from '../../app/celery.ts';
import { decodeMessage } from '../../message/decode.ts';
import { decodeTask } from '../../protocol/detect.ts';
import type { ResultTuple } from '../../protocol/result.ts';
import type { TaskRequest } from '../../protocol/task.ts';
import type { Delivery } from '../../transport/transport.ts';
import { RunContext } from '../context.ts';
import { decodingOf } from '../intake.ts';
import { messageOf } from '../../base/message-of.ts';
import { storeState } from '../results.ts';
import { failureOf } from '../run-task.ts';
import type { CodeEnding, Run } from '../run-task.ts';
import { planTask, policyFor } from '../task-plan.ts';
import type { TaskPlan } from '../task-plan.ts';
import { runTraced } from '../traced-run.ts';
import { packEnding } from './packing.ts';
import type { FromChild, JobWire } from './wire.ts';

/** What running needs in a child. */
export interface ChildJobsOptions {
  readonly app: CeleryApp;
  readonly hostname: string;
  readonly send: (message: FromChild) => void;
  /** Bytes in use. */
  readonly memory: () => number;
}

interface Prepared extends Run {
  readonly request: TaskRequest;
  readonly plan: TaskPlan;
  readonly children: ResultTuple[];
  readonly delivery: Delivery;
}

/** Runs jobs in a child: reads the body, runs the code, sends the ending. */
export class ChildJobs {
  readonly #options: ChildJobsOptions;
  readonly #decoding: ReturnType<typeof decodingOf>;
  readonly #plans = new Map<string, TaskPlan>();
  readonly #running = new Map<number, RunContext>();

  constructor(options: ChildJobsOptions) {
    this.#options = options;
    this.#decoding = decodingOf(options.app);
  }

  /** Aborts the signal of a job, if it still runs. */
  abort(job: number, reason: Error): void {
    this.#running.get(job)?.abort(reason);
  }

  /** Never rejects. */
  async run(wire: JobWire): Promise<void> {
    const children: ResultTuple[] = [];
    let ending: CodeEnding;
    let wanted = true;
    let run: Prepared | undefined;
    try {
      run = this.#prepare(wire, children);
      wanted = isWanted(run);
      this.#running.set(wire.job, run.context);
      await this.#storeStarted(run);
      ending = await runTraced(run, run, this.#options.app);
    } catch (error) {
      ending = failureOf(error);
    }
    this.#running.delete(wire.job);
    const { app, send, memory } = this.#options;
    const packed = packEnding(ending, wanted, app.serializers.byName('json'));
    send({ type: 'ended', job: wire.job, ending: packed, children, rss: memory(), trace: run?.trace });
  }

  /** Throws when the child reads the message otherwise than its parent did, such as for a task only the parent knows. */
  #prepare(wire: JobWire, children: ResultTuple[]): Prepared {
    const { app, hostname } = this.#options;
    const { message, info, queue } = wire;
    const decoded = decodeTask(message.headers, decodeMessage(message, this.#decoding), this.#decoding.maxIdLength);
    if (decoded.kind !== 'task') throw new Error('the message cannot be read in the child');
    const { request } = decoded;
    const plan = this.#plan(request.task);
    const delivery: Delivery = { message, info, queue, settled: true, ack: notHere, reject: notHere };
    const store = (status: string, result: unknown): Promise<void> =>
      storeState(app, { taskId: request.id, status, result }, { delivery, request, hostname });
    const context = new RunContext({ app, plan, request, delivery, hostname, storeState: store });
    return { context, children, request, plan, delivery };
  }

  #plan(name: string): TaskPlan {
    const known = this.#plans.get(name);
    if (known !== undefined) return known;
    const definition = this.#options.app.tasks.get(name);
    if (definition === undefined) throw new Error(`no task is called ${name} in the child: register it where the app's module is loaded`);
    const plan = planTask(definition, this.#options.app);
    this.#plans.set(name, plan);
    return plan;
  }

  async #storeStarted({ request, plan, context }: Prepared): Promise<void> {
    if (!plan.trackStarted || policyFor(plan, request).ignoreResult) return;
    const { app, hostname } = this.#options;
    await context
      .updateState('STARTED', { pid: process.pid, hostname })
      .catch((error: unknown) => app.logger.error(`STARTED of ${request.id} could not be stored: ${messageOf(error)}`));
  }
}

/** Whether anything is done with the value. */
function isWanted({ plan, request }: Prepared): boolean {
  const { callbacks, chain, chord } = request.embed;
  return !policyFor(plan, request).ignoreResult || callbacks !== null || chain !== null || chord !== null;
}

function notHere(): Promise<never> {
  return Promise.reject(new Error('a message is settled in the worker, not in its child'));
}
