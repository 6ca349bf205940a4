import type { ResultBackend } from '../backend/backend.ts';
import type { Compressor } from '../message/compression.ts';
import { formatUtc } from '../base/iso8601.ts';
import type { TraceHeaders } from '../base/tracing.ts';
import { encodeMessage } from '../message/encode.ts';
import type { Message, MessageProperties } from '../message/message.ts';
import type { Serializer } from '../message/serializer.ts';
import type { EventFields } from '../protocol/event.ts';
import { encodeTaskV1 } from '../protocol/task-v1.ts';
import { encodeTaskV2 } from '../protocol/task-v2.ts';
import { argsRepr, kwargsRepr } from '../protocol/saferepr.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Route } from '../routing/queue.ts';
import type { PublishJob } from './publisher.ts';
import { buildRequest } from './request.ts';
import type { Call } from './request.ts';
import { AsyncResult } from './result.ts';
import type { ResultParts } from './result.ts';
import type { StrictSigning } from './security.ts';
import type { RetryPolicy, Settings } from './settings.ts';
import type { AppSignals, Signals } from './signals.ts';

/** How one request travels, besides what its headers say. */
export interface Passage {
  readonly route: Route;
  readonly priority: number | undefined;
  readonly replyTo: string | undefined;
  readonly serializer: string;
  readonly compression: string | undefined;
  readonly deliveryMode: 1 | 2;
  readonly policy: RetryPolicy | undefined;
  /** Throws when it shall not be sent after all: asked each time that it is about to be. */
  readonly check?: () => void;
}

/** What an app lends to its jobs. */
export interface Wire {
  readonly settings: () => Settings;
  /** The result backend, where it is open. */
  readonly backend: () => ResultBackend | undefined;
  readonly openBackend: () => Promise<ResultBackend>;
  /** What results ask. */
  readonly results: ResultParts;
  readonly serializer: (name: string) => Serializer;
  readonly compressor: (name: string) => Compressor;
  /** What a strict app does to a body that this serializer will sign. */
  readonly strict: (serializer: Serializer) => StrictSigning | undefined;
  readonly now: () => number;
  /** The `reply_to` of messages whose answer goes elsewhere or nowhere. */
  readonly oid: string;
  readonly signals: Signals<AppSignals>;
  readonly sendEvent: (type: string, fields: EventFields) => void;
}

/** What a trace tells of a task that is sent. */
export type Sent = Pick<TaskRequest, 'id' | 'task' | 'headers'>;

/** A job that can travel as part of a trace. */
export interface Traceable {
  readonly sent: Sent;
  readonly route: Route;
  /** Go out with the message, however often it is encoded. */
  traceHeaders: TraceHeaders | undefined;
}

/** A call to be sent. Holds no more than it was given: its request is built when there is room. */
export class TaskJob<T> implements Traceable, PublishJob<AsyncResult<T>> {
  readonly route: Route;
  readonly policy: RetryPolicy | undefined;
  readonly #wire: Wire;
  readonly #call: Call;
  readonly #ignored: boolean;
  traceHeaders: TraceHeaders | undefined;
  /** What `task-sent` tells of, once the broker has it. */
  #sent: TaskRequest | undefined;

  constructor(wire: Wire, call: Call, route: Route, policy: RetryPolicy | undefined, ignored: boolean) {
    this.#wire = wire;
    this.#call = call;
    this.route = route;
    this.policy = policy;
    this.#ignored = ignored;
  }

  get sent(): Sent {
    const { id, name: task, options } = this.#call;
    return { id, task, headers: options.headers ?? {} };
  }

  before(): Promise<void> | undefined {
    const { ignoreResult, replyTo } = this.#call.options;
    return backendFirst(this.#wire, ignoreResult, replyTo);
  }

  encode(): Message {
    const { options } = this.#call;
    const settings = this.#wire.settings();
    const request = traced(buildRequest(this.#call), this.traceHeaders);
    if (settings.task_send_sent_event) this.#sent = request;
    return encodeRequest(this.#wire, request, {
      priority: options.priority,
      replyTo: options.replyTo,
      serializer: options.serializer ?? settings.task_serializer,
      compression: options.compression ?? settings.task_compression ?? undefined,
      deliveryMode: options.deliveryMode ?? (settings.task_default_delivery_mode as 1 | 2),
      route: this.route,
    });
  }

  confirmed(): AsyncResult<T> {
    const { id, name } = this.#call;
    afterPublish(this.#wire, { taskId: id, name, address: this.route.address });
    if (this.#sent !== undefined) this.#wire.sendEvent('task-sent', sentEvent(this.#sent, this.route));
    return new AsyncResult<T>(this.#call.id, this.#wire.results, this.#ignored);
  }
}

/** A request that is sent as it is. */
export class RequestJob implements Traceable, PublishJob<void> {
  readonly route: Route;
  readonly policy: RetryPolicy | undefined;
  readonly #wire: Wire;
  readonly #request: TaskRequest;
  readonly #passage: Passage;
  traceHeaders: TraceHeaders | undefined;

  constructor(wire: Wire, request: TaskRequest, passage: Passage) {
    this.#wire = wire;
    this.#request = request;
    this.#passage = passage;
    this.route = passage.route;
    this.policy = passage.policy;
  }

  get sent(): Sent {
    return this.#request;
  }

  before(): Promise<void> | undefined {
    return backendFirst(this.#wire, this.#request.ignoreResult, this.#passage.replyTo);
  }

  encode(): Message {
    this.#passage.check?.();
    return encodeRequest(this.#wire, traced(this.#request, this.traceHeaders), this.#passage);
  }

  confirmed(): void {
    const { id, task } = this.#request;
    afterPublish(this.#wire, { taskId: id, name: task, address: this.route.address });
    if (this.#wire.settings().task_send_sent_event) this.#wire.sendEvent('task-sent', sentEvent(this.#request, this.route));
  }
}

function traced(request: TaskRequest, trace: TraceHeaders | undefined): TaskRequest {
  return trace === undefined ? request : { ...request, headers: { ...request.headers, ...trace } };
}

function afterPublish({ signals }: Wire, sent: AppSignals['after_task_publish']): void {
  if (signals.has('after_task_publish')) signals.send('after_task_publish', sent);
}

/** `celery/app/amqp.py as_task_v2, send_task_message`. */
function sentEvent(request: TaskRequest, { address, queue }: Route): EventFields {
  return {
    uuid: request.id,
    root_id: request.rootId ?? null,
    parent_id: request.parentId ?? null,
    name: request.task,
    args: request.argsrepr ?? argsRepr(request.args),
    kwargs: request.kwargsrepr ?? kwargsRepr(request.kwargs),
    retries: request.retries,
    eta: request.eta === undefined ? null : (request.etaText ?? formatUtc(request.eta)),
    expires: request.expires === undefined ? null : (request.expiresText ?? formatUtc(request.expires)),
    queue: queue?.name ?? null,
    exchange: address.exchange,
    routing_key: address.routingKey,
  };
}

function expectsAnswer({ settings }: Wire, ignoreResult: boolean | undefined): boolean {
  return settings().result_backend !== null && ignoreResult !== true;
}

/** An answer that is expected needs its backend, and the backend what answers arrive by. */
function backendFirst(wire: Wire, ignoreResult: boolean | undefined, replyTo: string | undefined): Promise<void> | undefined {
  if (!expectsAnswer(wire, ignoreResult)) return undefined;
  const backend = wire.backend();
  if (backend === undefined) return wire.openBackend().then(() => undefined);
  return replyTo === undefined || replyTo === backend.replyTo ? backend.ready() : undefined;
}

function encodeRequest(wire: Wire, request: TaskRequest, passage: Omit<Passage, 'policy'>): Message {
  const { headers: encoded, body } = wire.settings().task_protocol === 1 ? encodeTaskV1(request, { utc: true }) : encodeTaskV2(request);
  const headers = wire.signals.has('before_task_publish') ? { ...encoded } : encoded;
  if (headers !== encoded) wire.signals.send('before_task_publish', { request, headers, address: passage.route.address });
  const answersTo = expectsAnswer(wire, request.ignoreResult) ? wire.backend()?.replyTo : undefined;
  const serializer = wire.serializer(passage.serializer);
  const properties: MessageProperties = {
    deliveryMode: passage.deliveryMode,
    priority: passage.priority ?? 0,
    correlationId: request.id,
    replyTo: passage.replyTo ?? answersTo ?? wire.oid,
    ...(request.expires === undefined ? undefined : { expiration: String(Math.max(0, Math.round(request.expires - wire.now()))) }),
  };
  const strict = wire.strict(serializer);
  return encodeMessage(strict === undefined ? body : strict.seal(body, { headers, properties }), {
    serializer,
    compressor: passage.compression === undefined ? undefined : wire.compressor(passage.compression),
    headers,
    properties,
  });
}
