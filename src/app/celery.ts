import { AppClosedError } from '../base/errors.ts';
import { parseBrokerUrl, parseBrokerUrls } from '../base/broker-url.ts';
import type { Host } from '../base/host.ts';
import { LamportClock } from '../base/lamport.ts';
import type { TracerSource, Tracing } from '../base/tracing.ts';
import { silentLogger } from '../base/logger.ts';
import type { Logger } from '../base/logger.ts';
import type { ResultBackend } from '../backend/backend.ts';
import { defaultCompressors } from '../driver/compressors.ts';
import type { EventDispatcher } from '../events/dispatcher.ts';
import type { EventReceiver } from '../events/receiver.ts';
import { systemHost } from '../driver/host.ts';
import { openTelemetry } from '../driver/opentelemetry.ts';
import type { CompressorRegistry } from '../message/compression.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import { JsonTypes } from '../message/serializers/json-own-types.ts';
import type { JsonClass } from '../message/serializers/json-own-types.ts';
import type { EventFields } from '../protocol/event.ts';
import { resultTuple } from '../protocol/result.ts';
import type { SignatureWire } from '../protocol/signature.ts';
import type { TaskRequest } from '../protocol/task.ts';
import type { Message } from '../message/message.ts';
import type { Address, Queue, Route } from '../routing/queue.ts';
import { loadTransport } from '../transport/registry.ts';
import type { Channel } from '../transport/transport.ts';
import { ControlClient } from '../control/client.ts';
import type { Post } from '../control/post.ts';
import { decodeMessage } from '../message/decode.ts';
import type { DecodeOptions } from '../message/decode.ts';
import { AppEvents } from './app-events.ts';
import type { DispatcherChoice } from './app-events.ts';
import { BrokerLink } from './connection.ts';
import { Control } from './control.ts';
import { mailboxSettings } from './mailbox.ts';
import { runningTask } from './current.ts';
import { checkSendOptions } from './options.ts';
import type { SendOptions } from './options.ts';
import { RequestJob, TaskJob } from './jobs.ts';
import type { Passage, Traceable, Wire } from './jobs.ts';
import { openResultBackend } from './open-backend.ts';
import { Publisher } from './publisher.ts';
import type { PublishJob } from './publisher.ts';
import { mergeOptions } from './precedence.ts';
import { QueueTable } from './queues.ts';
import type { Destination } from './queues.ts';
import { AsyncResult } from './result.ts';
import { messageLimits } from './limits.ts';
import { builtInSerializers } from './serializers.ts';
import { loadSecurity, requireSigning } from './security.ts';
import type { Security, SecurityOptions } from './security.ts';
import { parseSettings, retryPolicy } from './settings.ts';
import type { RetryPolicy, Settings } from './settings.ts';
import { signatureOptions } from './signature-options.ts';
import { SIGNAL_NAMES, Signals } from './signals.ts';
import type { AppSignals } from './signals.ts';
import { TaskRegistry } from './tasks.ts';
import { traceSend } from './traced-send.ts';
import type { TaskHandler, TaskOptions } from './task.ts';

/** A task registered on an app: ways to send it. */
export interface RegisteredTask {
  readonly name: string;
  delay(...args: readonly unknown[]): Promise<AsyncResult>;
  applyAsync(args?: readonly unknown[], options?: SendOptions): Promise<AsyncResult>;
  /** Its signature, for `link` and `linkError`. */
  s(...args: readonly unknown[]): SignatureWire;
}

/** A message that would be sent, and where to. */
export interface PreparedTask {
  readonly message: Message;
  readonly address: Address;
}

const NO_KWARGS: Readonly<Record<string, unknown>> = Object.freeze({});

/** How long closing waits for the broker to confirm what was sent. */
const CLOSE_GRACE_MS = 10_000;

/** How long closing waits for events, which nobody counts on. */
const EVENTS_GRACE_MS = 2000;

/** The app: settings, tasks, and the client that sends them. `celery/app/base.py Celery`. */
export class CeleryApp {
  readonly name: string;
  readonly host: Host = systemHost;
  /** Orders what is said between workers: events, control and its replies. */
  readonly clock: LamportClock = new LamportClock();
  readonly tasks: TaskRegistry = new TaskRegistry();
  /** By name and content type; `app.serializers.register(…)` adds one of your own. */
  readonly serializers: SerializerRegistry;
  readonly compressors: CompressorRegistry = defaultCompressors();
  /** Celery's signals: `app.signals.on('task_prerun', ({ taskId }) => …)`. */
  readonly signals: Signals<AppSignals> = new Signals(() => this.#logger, SIGNAL_NAMES);
  /** `gen<pid>@<host>`, as Celery's clients name themselves. */
  readonly origin: string;
  readonly #input: Readonly<Record<string, unknown>>;
  readonly #jsonTypes = new JsonTypes();
  readonly #links = new Set<BrokerLink>();
  #overrides: Readonly<Record<string, unknown>> = {};
  #settings: Settings;
  #queues: QueueTable;
  #logger: Logger = silentLogger;
  #security: Security | undefined;
  #tracing: Tracing | undefined;
  #publisher: Publisher | undefined;
  #backend: Promise<ResultBackend> | undefined;
  #openedBackend: ResultBackend | undefined;
  #closing: Promise<void> | undefined;
  #control: Control | undefined;
  /** What turns jobs into messages. */
  readonly #wire: Wire = {
    settings: () => this.#settings,
    backend: () => this.#openedBackend,
    openBackend: () => this.backend(),
    results: { backend: () => this.backend(), revoke: (id, options) => this.control.revoke(id, options) },
    serializer: (name) => this.serializers.byName(name),
    compressor: (name) => this.compressors.byName(name),
    strict: ({ name }) => (name === this.#security?.serializer.name ? this.#security.strict : undefined),
    now: () => this.host.now(),
    oid: this.host.uuid(),
    signals: this.signals,
    sendEvent: (type, fields) => this.#events.send(type, fields),
  };
  readonly #events: AppEvents;

  /** Throws `ImproperlyConfiguredError` for settings that are unknown, not built yet or wrong. */
  constructor(name: string, settings: Readonly<Record<string, unknown>> = {}) {
    this.name = name;
    this.#input = settings;
    this.#settings = parseSettings(settings, process.env);
    this.#queues = new QueueTable(this.#settings);
    this.serializers = builtInSerializers(this.#jsonTypes);
    this.origin = `gen${this.host.pid}@${this.host.hostname}`;
    const { serializers, compressors, host, clock, origin } = this;
    const parts = { serializers, compressors, host, clock, origin, openLink: () => this.openLink() };
    this.#events = new AppEvents({ ...parts, settings: () => this.#settings, logger: () => this.#logger });
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** What `configure` was given last: a copy of this app in another process is configured alike. */
  get overrides(): Readonly<Record<string, unknown>> {
    return this.#overrides;
  }

  get logger(): Logger {
    return this.#logger;
  }

  /** What `setupSecurity` set up. */
  get security(): Security | undefined {
    return this.#security;
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
  configure(given: Readonly<Record<string, unknown>>): void {
    if (this.#links.size > 0 || this.#backend !== undefined) throw new TypeError('configure() comes before the first connection');
    const overrides = { ...this.#overrides, ...given };
    const { CELERY_BROKER_URL, CELERY_RESULT_BACKEND } = process.env;
    const env = {
      ...('broker_url' in overrides ? undefined : { CELERY_BROKER_URL }),
      ...('result_backend' in overrides ? undefined : { CELERY_RESULT_BACKEND }),
    };
    const settings = parseSettings({ ...this.#input, ...overrides }, env);
    if (this.#security !== undefined) {
      requireSigning(settings);
      if (Object.keys(given).some((name) => name.startsWith('security_'))) throw new TypeError('configure() comes before setupSecurity()');
    }
    this.#settings = settings;
    this.#overrides = overrides;
    this.#queues = new QueueTable(this.#settings);
  }

  /**
   * Signs every task this app sends and takes none but signed ones; `task_serializer` must be `auth` and `accept_content`
   * `['auth']`. Reads key, certificate and store now, once. Throws `ImproperlyConfiguredError` for settings that are missing,
   * `SecurityError` for files that are not what they should be. `celery/app/base.py setup_security`.
   */
  setupSecurity(options: SecurityOptions = {}): void {
    if (this.#security !== undefined) throw new TypeError('setupSecurity() was called before');
    this.#security = loadSecurity(options, this.#settings, this.serializers, this.host);
    this.serializers.register(this.#security.serializer);
  }

  /**
   * Makes spans of OpenTelemetry for each task that is sent and each that runs, with the names, attributes and message headers
   * of Python's opentelemetry-instrumentation-celery; of the global provider, unless one is given. Throws
   * `ImproperlyConfiguredError` when the package @opentelemetry/api is not installed, `TypeError` when it was called before.
   */
  instrument(options: { readonly tracerProvider?: TracerSource } = {}): void {
    if (this.#tracing !== undefined) throw new TypeError('instrument() was called before');
    this.#tracing = openTelemetry(options.tracerProvider);
  }

  /** What `instrument` set up. */
  get tracing(): Tracing | undefined {
    return this.#tracing;
  }

  /** Where this app and its workers log; nowhere by default. */
  setLogger(logger: Logger): void {
    this.#logger = logger;
  }

  /**
   * Teaches this app's JSON a type: instances of `type` travel as `{"__type__": marker, "__value__": encode(value)}`, and come
   * back through `decode`. Without a marker (null) what `encode` makes is sent as it is. `kombu.utils.json.register_type`.
   */
  registerJsonType<T, Encoded = unknown>(
    type: JsonClass<T>,
    marker: string | null,
    encode: (value: T) => Encoded,
    decode: (encoded: Encoded) => T = (encoded) => encoded as unknown as T,
  ): void {
    if (typeof type !== 'function') throw new TypeError('registerJsonType needs a class');
    if (marker !== null && (typeof marker !== 'string' || marker === '')) throw new TypeError('a marker is a text, or null for none');
    if (typeof encode !== 'function' || typeof decode !== 'function') throw new TypeError('registerJsonType needs functions');
    this.#jsonTypes.register(type, marker, encode, decode);
  }

  /** Registers a task under its name on the wire. Throws `TypeError` for a name that is taken. */
  task(name: string, handler: TaskHandler): RegisteredTask;
  task(name: string, options: TaskOptions, handler: TaskHandler): RegisteredTask;
  task(name: string, optionsOrHandler: TaskOptions | TaskHandler, maybeHandler?: TaskHandler): RegisteredTask {
    const [options, handler] = typeof optionsOrHandler === 'function' ? [{}, optionsOrHandler] : [optionsOrHandler, maybeHandler];
    if (typeof name !== 'string' || name === '') throw new TypeError('a task needs a name');
    if (typeof handler !== 'function') throw new TypeError(`the task ${name} needs a function`);
    this.tasks.register({ name, handler, options });
    // A task that is at hand says itself whether its result counts; a bare name leaves it to the worker.
    const applyAsync = async (args: readonly unknown[] = [], sendOptions: SendOptions = {}): Promise<AsyncResult> => {
      const ignoreResult = sendOptions.ignoreResult ?? options.ignoreResult ?? this.#settings.task_ignore_result;
      return this.sendTask(name, args, { ...sendOptions, ignoreResult });
    };
    return {
      name,
      applyAsync,
      delay: (...args) => applyAsync(args),
      s: (...args) => ({ task: name, args, kwargs: {}, options: {}, subtask_type: null, immutable: false }),
    };
  }

  /**
   * Sends a task by name; it need not be registered here. Resolves to its result once the broker has confirmed the message.
   * Arguments are read when there is room to send: leave them alone until then. Rejects with `TypeError` for an unknown
   * option, `EncodeError` before anything is sent, and with what `Publisher.publish` rejects with.
   */
  sendTask<T = unknown>(name: string, args: readonly unknown[] = [], options: SendOptions = {}): Promise<AsyncResult<T>> {
    // One promise a send, and no async frame: many of them may wait at once.
    try {
      checkCall(name, args, options);
      return this.#send<T>(name, args, options.kwargs ?? NO_KWARGS, options);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /**
   * The message that `sendTask` would publish; nothing is opened or sent. Where answers come by message (`rpc://`), `reply_to`
   * names a queue that nobody reads. Throws what `sendTask` rejects with before it sends.
   */
  prepareTask(name: string, args: readonly unknown[] = [], options: SendOptions = {}): PreparedTask {
    checkCall(name, args, options);
    const job = this.#job(name, args, options.kwargs ?? NO_KWARGS, options, [], options.taskId ?? this.host.uuid());
    return { message: job.encode(), address: job.route.address };
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
    const args = sig.immutable ? sig.args : [...partial, ...sig.args];
    return this.#send(sig.task, args, sig.kwargs, { ...inherited, ...own }, chain ?? outerChain);
  }

  #send<T = unknown>(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    given: SendOptions,
    chain: readonly SignatureWire[] = [],
  ): Promise<AsyncResult<T>> {
    const id = given.taskId ?? this.host.uuid();
    const job = this.#job<T>(name, args, kwargs, given, chain, id);
    if (given.addToParent !== false) runningTask()?.children.push(resultTuple(id));
    return this.#publish(job);
  }

  #job<T>(
    name: string,
    args: readonly unknown[],
    kwargs: Readonly<Record<string, unknown>>,
    given: SendOptions,
    chain: readonly SignatureWire[],
    id: string,
  ): TaskJob<T> {
    const routed = this.#queues.routed(name, args, kwargs, given as Readonly<Record<string, unknown>>);
    if (routed !== undefined) checkSendOptions(routed, `task_routes for ${name}`);
    const options = mergeOptions(given, this.tasks.get(name)?.options, routed, this.#settings);
    const toExchange = routed !== undefined && options.queue === undefined && options.exchange !== undefined;
    const route = toExchange ? this.#queues.resolveExchange(options) : this.#queues.resolve(options);
    const nowMs = options.countdown !== undefined || typeof options.expires === 'number' ? this.host.now() : 0;
    const parent = runningTask()?.context.request;
    const call = { name, args, kwargs, options, chain, id, nowMs, origin: this.origin, parent };
    return new TaskJob<T>(this.#wire, call, route, this.#policy(options), given.ignoreResult === true);
  }

  /** Sends a request as it is: what `sendTask`, retries and callbacks have in common. Order of calls is order on the wire. */
  async sendRequest(request: TaskRequest, passage: Passage): Promise<void> {
    await this.#publish(new RequestJob(this.#wire, request, passage));
  }

  #publish<T>(job: PublishJob<T> & Traceable): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new AppClosedError('the app is closed'));
    this.#publisher ??= new Publisher(this.openLink());
    if (this.#tracing === undefined) return this.#publisher.publish(job);
    const span = traceSend(this.#tracing, job);
    const sent = this.#publisher.publish(job);
    sent.then(
      () => span.end(),
      (error: unknown) => span.end(error),
    );
    return sent;
  }

  /** The result of a task sent earlier, here or elsewhere. */
  asyncResult<T = unknown>(taskId: string): AsyncResult<T> {
    return new AsyncResult<T>(taskId, this.#wire.results);
  }

  /** Remote control of workers: `await app.control.ping()`, `await app.control.inspect().active()`. */
  get control(): Control {
    this.#control ??= this.#openControl();
    return this.#control;
  }

  /** How this app writes and reads control messages. */
  controlPost(): Post {
    const { settings, serializers, compressors, clock } = this;
    const reading = {
      registry: serializers,
      compressors,
      accept: serializers.contentTypes(settings.accept_content),
      ...messageLimits(settings),
    };
    const serializer = serializers.byName(settings.task_serializer);
    const decode: Post['decode'] = (message) => decodeMessage(message, reading);
    return { mailbox: mailboxSettings(settings), clock, logger: this.#logger, serializer, decode };
  }

  /** Queues a worker of this app consumes. Throws `ImproperlyConfiguredError`. */
  consumeQueues(select?: readonly string[], exclude?: readonly string[]): Queue[] {
    return this.#queues.consumed(select, exclude);
  }

  /** Route to a queue by name or by options. */
  resolveRoute(options: Destination): Route {
    return this.#queues.resolve(options);
  }

  /** A connection of its own to the brokers of `broker_url`; closed with the app. */
  openLink(): BrokerLink {
    const urls = parseBrokerUrls(this.#settings.broker_url);
    const link = new BrokerLink({ urls, settings: this.#settings, host: this.host, logger: this.#logger, loadTransport });
    this.#links.add(link);
    return link;
  }

  /** A dispatcher of events with a connection of its own, for a worker; whoever asked for it closes it. */
  openDispatcher(choice: DispatcherChoice): EventDispatcher {
    return this.#events.dispatcher(choice);
  }

  /**
   * A receiver of the cluster's events, not yet started: `await receiver.start()`. `routingKey` picks some, such as `task.#`.
   * Throws `ImproperlyConfiguredError` for a queue that would be both exclusive and durable.
   */
  openReceiver(options: { readonly routingKey?: string } = {}): EventReceiver {
    return this.#events.receiver(options);
  }

  /** How this app reads events. */
  eventDecoding(): DecodeOptions {
    return this.#events.decoding();
  }

  /**
   * Sends an event of your own, such as `custom-thing`, under this app's name or another node's. Nobody waits for it: it is
   * kept while the broker is away. Throws `TypeError` for a type or field that cannot be, `EncodeError` for a value that
   * cannot be sent.
   */
  sendEvent(type: string, fields: EventFields = {}, hostname?: string): void {
    this.#events.sendChecked(type, fields, hostname);
  }

  /** The result backend, opened when first asked for. */
  backend(): Promise<ResultBackend> {
    this.#backend ??= this.#openBackend().catch((error: unknown) => {
      // The next question tries again.
      this.#backend = undefined;
      throw error;
    });
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
    await this.#events.close(EVENTS_GRACE_MS);
    // Together: a broker that does not answer ends with its connection, not with the channels on it.
    const backend = this.#backend?.then((opened) => opened.close()).catch(() => undefined);
    await Promise.all([backend, ...[...this.#links].map((link) => link.close())]);
  }

  async #openBackend(): Promise<ResultBackend> {
    const { serializers, compressors, host } = this;
    const parts = { settings: this.#settings, serializers, compressors, host, logger: this.#logger };
    this.#openedBackend = await openResultBackend({ ...parts, openChannel: this.#channelOpener() });
    return this.#openedBackend;
  }

  #openControl(): Control {
    const { host } = this;
    const parts = { post: this.controlPost(), uuid: () => host.uuid(), now: () => host.now(), openChannel: this.#channelOpener() };
    return new Control(new ControlClient(parts));
  }

  /** Channels on a connection of their own, which is opened for the first. */
  #channelOpener(): () => Promise<Channel> {
    let link: BrokerLink | undefined;
    return async () => {
      link ??= this.openLink();
      return (await link.open()).openChannel();
    };
  }

  #policy(options: Pick<SendOptions, 'retry' | 'retryPolicy'>): RetryPolicy | undefined {
    if (!(options.retry ?? this.#settings.task_publish_retry)) return undefined;
    const { task_publish_retry_policy: policy } = this.#settings;
    return options.retryPolicy === undefined ? policy : retryPolicy({ ...policy, ...options.retryPolicy });
  }
}

function checkCall(name: string, args: readonly unknown[], options: SendOptions): void {
  if (typeof name !== 'string' || name === '') throw new TypeError('sendTask needs the name of a task');
  if (!Array.isArray(args)) throw new TypeError(`sendTask('${name}'): arguments come as an array; keywords go into options.kwargs`);
  checkSendOptions(options);
}
