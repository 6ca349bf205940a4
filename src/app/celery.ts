import { AppClosedError } from '../base/errors.ts';
import { parseBrokerUrl, parseBrokerUrls } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import { formatUtc } from '../base/iso8601.ts';
import { silentLogger } from '../base/logger.ts';
import type { Logger } from '../base/logger.ts';
import { DateTime } from '../base/values.ts';
import type { ResultBackend } from '../backend/backend.ts';
import { openBackend } from '../backend/registry.ts';
import { systemHost } from '../driver/host.ts';
import { zlibCompressor } from '../driver/zlib.ts';
import { CompressorRegistry } from '../message/compression.ts';
import { encodeMessage } from '../message/encode.ts';
import type { Message, MessageProperties } from '../message/message.ts';
import { defaultRegistry } from '../message/registry.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import { resultTuple } from '../protocol/result.ts';
import { emptyEmbed } from '../protocol/signature.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import { encodeTaskV1 } from '../protocol/task-v1.ts';
import { encodeTaskV2 } from '../protocol/task-v2.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Queue, Route } from '../routing/queue.ts';
import type { RouteOptions } from '../routing/router.ts';
import { loadTransport } from '../transport/registry.ts';
import { BrokerLink } from './connection.ts';
import { runningTask } from './current.ts';
import { checkSendOptions } from './options.ts';
import type { SendOptions } from './options.ts';
import { Publisher } from './publisher.ts';
import { QueueTable } from './queues.ts';
import { AsyncResult } from './result.ts';
import { parseSettings, retryPolicy } from './settings.ts';
import type { RetryPolicy, Settings } from './settings.ts';
import { signatureOptions } from './signature-options.ts';
import { TaskRegistry } from './tasks.ts';
import type { TaskHandler, TaskOptions } from './task.ts';

/** A task registered on an app: ways to send it. */
export interface RegisteredTask {
  readonly name: string;
  delay(...args: readonly unknown[]): Promise<AsyncResult>;
  applyAsync(args?: readonly unknown[], options?: SendOptions): Promise<AsyncResult>;
  /** Its signature, for `link` and `linkError`. */
  s(...args: readonly unknown[]): SignatureWire;
}

/** How one request travels, besides what its headers say. */
export interface Passage {
  readonly route: Route;
  readonly priority: number | undefined;
  readonly replyTo: string | undefined;
  readonly serializer: string;
  readonly compression: string | undefined;
  readonly deliveryMode: 1 | 2;
  readonly policy: RetryPolicy | undefined;
}

/** How long closing waits for the broker to confirm what was sent. */
const CLOSE_GRACE_MS = 10_000;

/** The app: settings, tasks, and the client that sends them. `celery/app/base.py Celery`. */
export class CeleryApp {
  readonly name: string;
  readonly host: Host = systemHost;
  readonly tasks: TaskRegistry = new TaskRegistry();
  readonly serializers: SerializerRegistry = defaultRegistry();
  readonly compressors: CompressorRegistry = new CompressorRegistry();
  /** `gen<pid>@<host>`, as Celery's clients name themselves. */
  readonly origin: string;
  readonly #input: Readonly<Record<string, unknown>>;
  readonly #oid: string;
  readonly #links = new Set<BrokerLink>();
  #settings: Settings;
  #queues: QueueTable;
  #logger: Logger = silentLogger;
  #publisher: Publisher | undefined;
  #backend: Promise<ResultBackend> | undefined;
  #openedBackend: ResultBackend | undefined;
  #closing: Promise<void> | undefined;

  /** Throws `ImproperlyConfiguredError` for settings that are unknown, not built yet or wrong. */
  constructor(name: string, settings: Readonly<Record<string, unknown>> = {}) {
    this.name = name;
    this.#input = settings;
    this.#settings = parseSettings(settings, process.env);
    this.#queues = new QueueTable(this.#settings);
    this.compressors.register(zlibCompressor);
    this.#oid = this.host.uuid();
    this.origin = `gen${this.host.pid}@${this.host.hostname}`;
  }

  get settings(): Settings {
    return this.#settings;
  }

  get logger(): Logger {
    return this.#logger;
  }

  /** The broker for people: no password. */
  get brokerLabel(): string {
    return parseBrokerUrls(this.#settings.broker_url)
      .map((url) => url.masked)
      .join(';');
  }

  /** The result backend for people: no password. */
  get backendLabel(): string {
    const { result_backend: url } = this.#settings;
    return url === null ? 'disabled://' : parseBrokerUrl(url).masked;
  }

  /** Settings that win over those given before and over the environment; before the first connection only. */
  configure(overrides: Readonly<Record<string, unknown>>): void {
    if (this.#links.size > 0) throw new TypeError('configure() comes before the first connection');
    const { CELERY_BROKER_URL, CELERY_RESULT_BACKEND } = process.env;
    const env = {
      ...('broker_url' in overrides ? undefined : { CELERY_BROKER_URL }),
      ...('result_backend' in overrides ? undefined : { CELERY_RESULT_BACKEND }),
    };
    this.#settings = parseSettings({ ...this.#input, ...overrides }, env);
    this.#queues = new QueueTable(this.#settings);
  }

  /** Where this app and its workers log; nowhere by default. */
  setLogger(logger: Logger): void {
    this.#logger = logger;
  }

  /** Registers a task under its name on the wire. Throws `TypeError` for a name that is taken. */
  task(name: string, handler: TaskHandler): RegisteredTask;
  task(name: string, options: TaskOptions, handler: TaskHandler): RegisteredTask;
  task(name: string, optionsOrHandler: TaskOptions | TaskHandler, maybeHandler?: TaskHandler): RegisteredTask {
    const [options, handler] = typeof optionsOrHandler === 'function' ? [{}, optionsOrHandler] : [optionsOrHandler, maybeHandler];
    if (typeof name !== 'string' || name === '') throw new TypeError('a task needs a name');
    if (typeof handler !== 'function') throw new TypeError(`the task ${name} needs a function`);
    this.tasks.register({ name, handler, options });
    const applyAsync = (args: readonly unknown[] = [], sendOptions: SendOptions = {}): Promise<AsyncResult> =>
      this.sendTask(name, args, sendOptions);
    return {
      name,
      applyAsync,
      delay: (...args) => applyAsync(args),
      s: (...args) => ({ task: name, args, kwargs: {}, options: {}, subtask_type: null, immutable: false }),
    };
  }

  /**
   * Sends a task by name; it need not be registered here. Resolves to its result once the broker has confirmed the message.
   * Rejects with `EncodeError` before anything is sent, and with what `Publisher.publish` rejects with. Throws `TypeError`
   * for an unknown option.
   */
  async sendTask<T = unknown>(name: string, args: readonly unknown[] = [], options: SendOptions = {}): Promise<AsyncResult<T>> {
    if (typeof name !== 'string' || name === '') throw new TypeError('sendTask needs the name of a task');
    if (!Array.isArray(args)) throw new TypeError(`sendTask('${name}'): arguments come as an array; keywords go into options.kwargs`);
    checkSendOptions(options);
    const registered = this.tasks.get(name)?.options;
    const kwargs = options.kwargs ?? {};
    const routed = this.#queues.routed(name, args, kwargs);
    // An explicit option wins over the route, the route over the task.
    const where = registered === undefined && routed === undefined ? options : mergeRoute(options, routed, registered);
    const request = this.#request(name, args, kwargs, options, registered);
    await this.sendRequest(request, {
      route: this.#queues.resolve(where),
      priority: where.priority ?? this.#settings.task_default_priority ?? undefined,
      replyTo: options.replyTo,
      serializer: options.serializer ?? registered?.serializer ?? this.#settings.task_serializer,
      compression: options.compression ?? this.#settings.task_compression ?? undefined,
      deliveryMode: options.deliveryMode ?? (this.#settings.task_default_delivery_mode as 1 | 2),
      policy: this.#policy(options),
    });
    return new AsyncResult<T>(request.id, () => this.backend());
  }

  /** Sends a request as it is: what `sendTask`, retries and callbacks have in common. */
  async sendRequest(request: TaskRequest, passage: Passage): Promise<void> {
    if (this.#closing !== undefined) throw new AppClosedError('the app is closed');
    let { replyTo } = passage;
    if (this.#settings.result_backend !== null && request.ignoreResult !== true) {
      const backend = this.#openedBackend ?? (await this.backend());
      replyTo ??= backend.replyTo;
      if (replyTo === undefined || replyTo === backend.replyTo) await backend.expect(request.id);
    }
    runningTask()?.children.push(resultTuple(request.id));
    this.#publisher ??= new Publisher(this.openLink());
    const encode = (): Message => this.#encode(request, passage, replyTo ?? this.#oid);
    await this.#publisher.publish({ encode, route: passage.route, policy: passage.policy });
  }

  /**
   * Sends a signature: partial arguments come first unless it is immutable, and its options hold. `celery/canvas.py apply_async`.
   * Throws `NotRegisteredError` for a chain, group or chord, which are not built yet.
   */
  async sendSignature(
    sig: SignatureWire,
    extra: { readonly args?: readonly unknown[]; readonly chain?: readonly SignatureWire[] | undefined } & SendOptions = {},
  ): Promise<AsyncResult> {
    const { args: partial = [], chain: outerChain, ...inherited } = extra;
    const { chain, ...own } = signatureOptions(sig);
    const options = { ...inherited, ...own };
    const args = sig.immutable ? sig.args : [...partial, ...sig.args];
    const where = mergeRoute(options, this.#queues.routed(sig.task, args, sig.kwargs), this.tasks.get(sig.task)?.options);
    const base = this.#request(sig.task, args, sig.kwargs, options, undefined);
    const rest = chain ?? outerChain ?? null;
    const request = rest === null || rest.length === 0 ? base : { ...base, embed: { ...base.embed, chain: rest } };
    await this.sendRequest(request, {
      route: this.#queues.resolve(where),
      priority: where.priority ?? this.#settings.task_default_priority ?? undefined,
      replyTo: options.replyTo,
      serializer: options.serializer ?? this.#settings.task_serializer,
      compression: options.compression ?? this.#settings.task_compression ?? undefined,
      deliveryMode: this.#settings.task_default_delivery_mode as 1 | 2,
      policy: this.#policy({}),
    });
    return new AsyncResult(request.id, () => this.backend());
  }

  /** The result of a task sent earlier, here or elsewhere. */
  asyncResult<T = unknown>(taskId: string): AsyncResult<T> {
    return new AsyncResult<T>(taskId, () => this.backend());
  }

  /** Queues a worker of this app consumes. Throws `ImproperlyConfiguredError`. */
  consumeQueues(select?: readonly string[], exclude?: readonly string[]): Queue[] {
    return this.#queues.consumed(select, exclude);
  }

  /** Route to a queue by name or by options. */
  resolveRoute(options: RouteOptions): Route {
    return this.#queues.resolve(options);
  }

  /** A connection of its own to the brokers of `broker_url`; closed with the app. */
  openLink(): BrokerLink {
    const urls = parseBrokerUrls(this.#settings.broker_url);
    const link = new BrokerLink({ urls, settings: this.#settings, host: this.host, logger: this.#logger, loadTransport });
    this.#links.add(link);
    return link;
  }

  /** The result backend, opened when first asked for. */
  backend(): Promise<ResultBackend> {
    this.#backend ??= this.#openBackend();
    return this.#backend;
  }

  /** Waits for unconfirmed messages, then closes everything. Idempotent; bounded in time. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#publisher?.close(CLOSE_GRACE_MS);
    await this.#backend?.then((backend) => backend.close()).catch(() => undefined);
    await Promise.all([...this.#links].map((link) => link.close()));
  }

  async #openBackend(): Promise<ResultBackend> {
    const settings = this.#settings;
    const link = this.openLink();
    this.#openedBackend = await openBackend({
      url: settings.result_backend === null ? undefined : parseBrokerUrl(settings.result_backend),
      serializer: this.serializers.byName(settings.result_serializer),
      registry: this.serializers,
      accept: this.serializers.contentTypes(settings.result_accept_content ?? settings.accept_content),
      compressors: this.compressors,
      maxDecompressedBytes: settings.message_max_decompressed_bytes,
      resultExpiresMs: settings.result_expires === null || settings.result_expires === 0 ? undefined : settings.result_expires * 1000,
      persistent: settings.result_persistent ?? false,
      host: this.host,
      logger: this.#logger,
      transportOptions: settings.result_backend_transport_options,
      openChannel: async () => (await link.open()).openChannel(),
    });
    return this.#openedBackend;
  }

  #request(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    options: SendOptions,
    registered: TaskOptions | undefined,
  ): TaskRequest {
    const id = options.taskId ?? this.host.uuid();
    const parent = runningTask()?.context.request;
    const now =
      options.countdown !== undefined || typeof options.expires === 'number' || registered?.expires !== undefined ? this.host.now() : 0;
    const eta = options.countdown === undefined ? options.eta?.getTime() : now + options.countdown * 1000;
    const expiresGiven = options.expires ?? registered?.expires;
    const expires = typeof expiresGiven === 'number' ? now + expiresGiven * 1000 : expiresGiven?.getTime();
    const { link, linkError, stamps } = options;
    return {
      id,
      task: name,
      args,
      kwargs,
      embed:
        link === undefined && linkError === undefined ? emptyEmbed : { ...emptyEmbed, callbacks: list(link), errbacks: list(linkError) },
      lang: undefined,
      shadow: options.shadow,
      eta,
      expires,
      etaText: dateText(options.countdown === undefined ? options.eta : undefined, eta),
      expiresText: dateText(expiresGiven instanceof Date ? expiresGiven : undefined, expires),
      group: options.groupId,
      groupIndex: options.groupIndex,
      retries: 0,
      timeLimit: options.timeLimit,
      softTimeLimit: options.softTimeLimit,
      rootId: options.rootId ?? parent?.rootId ?? parent?.id ?? id,
      parentId: options.parentId ?? parent?.id,
      argsrepr: undefined,
      kwargsrepr: undefined,
      origin: this.origin,
      ignoreResult: options.ignoreResult,
      replacedTaskNesting: 0,
      stampedHeaders: stamps === undefined ? undefined : Object.keys(stamps),
      stamps: stamps ?? {},
      headers: options.headers ?? {},
    };
  }

  #encode(request: TaskRequest, passage: Passage, replyTo: string): Message {
    const { headers, body } = this.#settings.task_protocol === 1 ? encodeTaskV1(request, { utc: true }) : encodeTaskV2(request);
    const serializer = this.serializers.byName(passage.serializer);
    const compressor = passage.compression === undefined ? undefined : this.compressors.byName(passage.compression);
    const properties: MessageProperties = {
      deliveryMode: passage.deliveryMode,
      priority: passage.priority ?? 0,
      correlationId: request.id,
      replyTo,
      ...(request.expires === undefined ? undefined : { expiration: String(Math.max(0, Math.round(request.expires - this.host.now()))) }),
    };
    return encodeMessage(body, { serializer, compressor, headers, properties });
  }

  #policy(options: Pick<SendOptions, 'retry' | 'retryPolicy'>): RetryPolicy | undefined {
    if (!(options.retry ?? this.#settings.task_publish_retry)) return undefined;
    const { task_publish_retry_policy: policy } = this.#settings;
    return options.retryPolicy === undefined ? policy : retryPolicy({ ...policy, ...options.retryPolicy });
  }
}

function mergeRoute(options: SendOptions, routed: RouteOptions | undefined, registered: TaskOptions | undefined): RouteOptions {
  const queue = options.queue ?? (options.exchange === undefined ? (routed?.queue ?? registered?.queue) : undefined);
  const exchange = options.exchange ?? routed?.exchange ?? registered?.exchange;
  const routingKey = options.routingKey ?? routed?.routingKey ?? registered?.routingKey;
  const priority = options.priority ?? routed?.priority ?? registered?.priority;
  return {
    ...(queue === undefined ? undefined : { queue }),
    ...(exchange === undefined ? undefined : { exchange }),
    ...(routingKey === undefined ? undefined : { routingKey }),
    ...(priority === undefined ? undefined : { priority }),
  };
}

function list(signatures: SendOptions['link']): readonly SignatureWire[] | null {
  if (signatures === undefined) return null;
  return Array.isArray(signatures) ? (signatures as readonly SignatureWire[]) : [signatures as SignatureWire];
}

function dateText(given: Date | undefined, epochMs: number | undefined): string | undefined {
  if (epochMs === undefined) return undefined;
  return given instanceof DateTime ? given.isoformat() : formatUtc(epochMs);
}
