/** One answer: by node name. */
export type Answer = Readonly<Record<string, unknown>>;

/** When enough answers have come. */
export interface AnswersOptions {
  /** Seconds without an answer after which no more are waited for. Default 1. */
  readonly timeout?: number | undefined;
  /** Answers that are enough. Default: as many as there are destinations. */
  readonly limit?: number | undefined;
  /** Node names; every node when left out. */
  readonly destination?: readonly string[] | undefined;
  /** Sees each answer as it comes. */
  readonly callback?: ((reply: Answer) => void) | undefined;
}

/** What a timer takes: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The answers to one request, gathered as they come. */
export class Answers {
  /** Resolves to them when there are enough or no more come; rejects when `fail` was called, or the callback has failed. */
  readonly all: Promise<Answer[]>;
  readonly #options: AnswersOptions;
  readonly #answers: Answer[] = [];
  readonly #resolve: (answers: Answer[]) => void;
  readonly #reject: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #sent = false;
  #isOver = false;

  constructor(options: AnswersOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer[]>();
    // The broker may go while the request is still being sent: then that is what fails.
    promise.catch(() => undefined);
    this.all = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The request is on its way: the time counts from now, and anew with each answer as in kombu. */
  wait(): void {
    this.#sent = true;
    this.#countAnew();
  }

  hear(answer: Answer): void {
    if (this.#isOver) return;
    const { callback, limit, destination } = this.#options;
    this.#answers.push(answer);
    try {
      callback?.(answer);
    } catch (error) {
      return this.fail(error);
    }
    if (this.#answers.length >= (limit ?? destination?.length ?? Infinity)) this.#finish();
    else if (this.#sent) this.#countAnew();
  }

  fail(error: unknown): void {
    this.#isOver = true;
    this.#reject(error);
  }

  /** Nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #countAnew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#finish(), Math.min((this.#options.timeout ?? 1) * 1000, LONGEST_TIMER_MS));
  }

  #finish(): void {
    this.#isOver = true;
    this.#resolve(this.#answers);
  }
}
