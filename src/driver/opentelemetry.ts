import type * as OpenTelemetry from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import type { RunOutcome, RunSpan, SendSpan, TraceAttributes, TraceHeaders, TracerSource, Tracing } from '../base/tracing.ts';
import { OptionalPackage } from './optional-package.ts';
import type { Requires } from './optional-package.ts';
import { packageVersion } from './version.ts';

type Api = typeof OpenTelemetry;
type Headers = Readonly<Record<string, unknown>>;

/** The next minor release clashes with the SDK's. */
const PACKAGE = '@opentelemetry/api@1.9';

const load = (require: Requires): Api => require('@opentelemetry/api') as Api;

/**
 * Spans as opentelemetry-instrumentation-celery makes them: the same names, kinds and attributes, and the same headers on the
 * wire. Without a provider they are of the global one. Throws `ImproperlyConfiguredError` without the package @opentelemetry/api,
 * which `loadApi` brings.
 */
export function openTelemetry(provider: TracerSource | undefined, loadApi: typeof load = load): Tracing {
  const api = new OptionalPackage('app.instrument()', PACKAGE, loadApi).toWrite();
  const source: TracerSource = provider ?? api.trace;
  return new CeleryTracing(api, source.getTracer('tq-bridge', packageVersion()) as Tracer);
}

class CeleryTracing implements Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;

  constructor(api: Api, tracer: Tracer) {
    this.#api = api;
    this.#tracer = tracer;
  }

  sending(task: string, headers: Headers, attributes: TraceAttributes): SendSpan {
    const { context, trace, SpanKind } = this.#api;
    const active = context.active();
    const parent = trace.getSpan(active) === undefined ? this.#extracted(headers, active) : active;
    const about = { ...attributes, 'celery.action': 'apply_async', 'celery.task_name': task };
    const span = this.#tracer.startSpan(`apply_async/${task}`, { kind: SpanKind.PRODUCER, attributes: known(about) }, parent);
    return { headers: this.#injected(trace.setSpan(parent, span)), end: (error) => this.#sent(span, error) };
  }

  running(task: string, headers: Headers, attributes: TraceAttributes): RunSpan {
    const { context, trace, SpanKind } = this.#api;
    // Whatever was active when the message came in is none of its business.
    const parent = this.#extracted(headers, this.#api.ROOT_CONTEXT);
    const about = { ...attributes, 'celery.action': 'run', 'celery.task_name': task };
    const span = this.#tracer.startSpan(`run/${task}`, { kind: SpanKind.CONSUMER, attributes: known(about) }, parent);
    const inside = trace.setSpan(parent, span);
    return {
      headers: this.#injected(inside),
      active: (code) => context.with(inside, code),
      end: (outcome) => this.#ran(span, outcome),
    };
  }

  within<T>(headers: Headers, code: () => T): T {
    return this.#api.context.with(this.#extracted(headers, this.#api.ROOT_CONTEXT), code);
  }

  #sent(span: Span, error: unknown): void {
    if (error !== undefined) {
      const exception = error instanceof Error ? error : String(error);
      span.recordException(exception);
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: typeof exception === 'string' ? exception : exception.message });
    }
    span.end();
  }

  #ran(span: Span, { state, retryReason, exception }: RunOutcome): void {
    span.setAttribute('celery.state', state);
    if (retryReason !== undefined) span.setAttribute('celery.retry.reason', retryReason);
    if (exception !== undefined) {
      const { name, message, stack } = exception;
      span.recordException({ name, message, ...(stack === undefined ? {} : { stack }) });
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
    }
    span.end();
  }

  #injected(context: Context): TraceHeaders {
    const carrier: Record<string, string> = {};
    this.#api.propagation.inject(context, carrier);
    return carrier;
  }

  #extracted(headers: Headers, context: Context): Context {
    return this.#api.propagation.extract(context, headers, { keys: (carrier) => Object.keys(carrier), get: textOf });
  }
}

/** What a stranger sends need not be text. */
function textOf(headers: Headers, key: string): string | undefined {
  const value = Object.hasOwn(headers, key) ? headers[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function known(attributes: TraceAttributes): OpenTelemetry.Attributes {
  return Object.fromEntries(Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, spread(value)]])));
}

function spread(value: string | number | readonly string[]): string | number | string[] {
  return typeof value === 'object' ? [...value] : value;
}
