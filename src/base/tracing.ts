/** Headers of a message that join the two ends of a trace: `traceparent`, `tracestate`, `baggage`. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** What a span says; `undefined` is left out. */
export type TraceAttributes = Readonly<Record<string, string | number | readonly string[] | undefined>>;

type Headers = Readonly<Record<string, unknown>>;

/** Follows tasks from those that send them to those that run them. Nothing of it throws. */
export interface Tracing {
  /** A task is being sent: a child of what runs, or, where nothing does, of what its own `headers` say. */
  sending(task: string, headers: Headers, attributes: TraceAttributes): SendSpan;
  /** A task is about to run: a child of what the headers of its message say. */
  running(task: string, headers: Headers, attributes: TraceAttributes): RunSpan;
  /** Calls code that belongs to what the headers say. */
  within<T>(headers: Headers, code: () => T): T;
}

/** The span of a task that is sent. */
export interface SendSpan {
  /** What travels with the message. */
  readonly headers: TraceHeaders;
  /** The broker has it, or it could not be sent. */
  end(error?: unknown): void;
}

/** The span of a task that runs. */
export interface RunSpan {
  /** What makes others its children. */
  readonly headers: TraceHeaders;
  /** Calls code whose spans are its children. */
  active<T>(code: () => T): T;
  end(outcome: RunOutcome): void;
}

/** How a run ended, in Celery's words. */
export interface RunOutcome {
  readonly state: string;
  readonly retryReason: string | undefined;
  /** What failed. */
  readonly exception: { readonly name: string; readonly message: string; readonly stack: string | undefined } | undefined;
}

/** The part of OpenTelemetry's `TracerProvider` that is asked for. */
export interface TracerSource {
  getTracer(name: string, version?: string): unknown;
}
