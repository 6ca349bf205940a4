/**
 * One part of a worker that starts and stops with it; Celery's bootstep. `celery/bootsteps.py`.
 * A step of a worker lives as long as the worker, a step of a consumer as long as one broker connection.
 */
export interface Step<Context> {
  readonly name: string;
  start(context: Context): Promise<void> | void;
  /** The orderly end. Called once for each start, in the opposite order. */
  stop?(context: Context): Promise<void> | void;
  /** The connection is gone: nothing can be said to the broker any more. Steps of a consumer only; `stop` is not called then. */
  lost?(context: Context): void;
}

/** Where a step goes: at the end, unless it names a neighbour. */
export interface Place {
  readonly before?: string;
  readonly after?: string;
}

/** Steps in order. Users add their own before the worker starts. */
export class StepList<Context> {
  readonly #steps: Step<Context>[] = [];
  #started: Step<Context>[] = [];
  #ends = 0;

  constructor(steps: readonly Step<Context>[] = []) {
    this.#steps.push(...steps);
  }

  get names(): readonly string[] {
    return this.#steps.map(({ name }) => name);
  }

  /** Throws `TypeError` when the neighbour does not exist, or the name is taken. */
  add(step: Step<Context>, { before, after }: Place = {}): this {
    if (this.names.includes(step.name)) throw new TypeError(`there is a step called ${step.name} already`);
    const neighbour = before ?? after;
    const at = neighbour === undefined ? this.#steps.length : this.names.indexOf(neighbour);
    if (at < 0) throw new TypeError(`there is no step called ${neighbour}; there is ${this.names.join(', ')}`);
    this.#steps.splice(before === undefined && after !== undefined ? at + 1 : at, 0, step);
    return this;
  }

  /**
   * Starts each in order. When one fails, what had started is stopped again and the error comes back. Rejects with `Error`
   * when `stop` or `lost` comes meanwhile: what has not started then does not start.
   */
  async start(context: Context): Promise<void> {
    const ends = this.#ends;
    try {
      for (const step of this.#steps) {
        this.#started.push(step);
        await step.start(context);
        if (this.#ends !== ends) throw new Error('the end came before all of them had started');
      }
    } catch (error) {
      await this.stop(context).catch(() => undefined);
      throw error;
    }
  }

  /** Stops what was started, last first. Every step is stopped, whatever another does; the first error comes back. */
  async stop(context: Context): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    for (const step of this.#take()) {
      try {
        await step.stop?.(context);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Tells what was started that the connection is gone. */
  lost(context: Context): void {
    for (const step of this.#take()) step.lost?.(context);
  }

  #take(): Step<Context>[] {
    this.#ends += 1;
    const started = this.#started.toReversed();
    this.#started = [];
    return started;
  }
}

/** Steps that users add to every worker of an app, with the place each asked for. */
export class ExtraSteps<Context> {
  readonly #extras: (readonly [Step<Context>, Place])[] = [];

  /** Adds a step to workers that are made from now on. Its neighbour is looked for when a worker starts. */
  add(step: Step<Context>, place: Place = {}): this {
    this.#extras.push([step, place]);
    return this;
  }

  /** Adds them to the steps of one worker. Throws `TypeError` as `StepList.add` does. */
  addTo(steps: StepList<Context>): void {
    for (const [step, place] of this.#extras) steps.add(step, place);
  }
}
