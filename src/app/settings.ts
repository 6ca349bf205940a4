import { ImproperlyConfiguredError } from '../base/errors.ts';
import { DEFAULT_LIMITS } from '../base/limits.ts';
import { DEFAULT_LAYOUT } from '../driver/logger.ts';
import { nearest } from '../base/nearest.ts';
import type { Queue } from '../routing/queue.ts';
import type { Routes } from '../routing/router.ts';
import { refusePickle } from '../message/registry.ts';
import { isRate } from './rate.ts';
import { NOT_BUILT } from './not-built.ts';

/** Celery's settings under Celery's names; times in seconds. Frozen and complete. `celery/app/defaults.py`. */
export interface Settings {
  readonly broker_url: string;
  readonly broker_transport_options: Readonly<Record<string, unknown>>;
  readonly broker_use_ssl: boolean | Readonly<Record<string, unknown>>;
  readonly broker_connection_retry: boolean;
  readonly broker_connection_retry_on_startup: boolean | null;
  readonly broker_connection_max_retries: number | null;
  readonly broker_connection_timeout: number;
  readonly broker_heartbeat: number | null;
  readonly accept_content: readonly string[];
  readonly result_backend: string | null;
  readonly result_backend_transport_options: Readonly<Record<string, unknown>>;
  readonly result_serializer: string;
  readonly result_accept_content: readonly string[] | null;
  readonly result_compression: string | null;
  readonly result_expires: number | null;
  readonly result_extended: boolean;
  readonly result_persistent: boolean | null;
  readonly task_serializer: string;
  readonly task_compression: string | null;
  readonly task_protocol: number;
  readonly task_default_queue: string;
  readonly task_default_exchange: string | null;
  readonly task_default_exchange_type: string;
  readonly task_default_routing_key: string | null;
  readonly task_default_delivery_mode: number;
  readonly task_default_priority: number | null;
  readonly task_create_missing_queues: boolean;
  readonly task_queues: readonly (string | QueueSetting)[] | Readonly<Record<string, Omit<QueueSetting, 'name'>>> | null;
  readonly task_routes: Routes | null;
  readonly task_queue_max_priority: number | null;
  readonly task_publish_retry: boolean;
  readonly task_publish_retry_policy: RetryPolicy;
  readonly task_acks_late: boolean;
  readonly task_acks_on_failure_or_timeout: boolean;
  readonly task_acks_on_failure: boolean | null;
  readonly task_acks_on_timeout: boolean | null;
  readonly task_reject_on_worker_lost: boolean;
  readonly task_retry_on_worker_lost: boolean;
  readonly task_time_limit: number | null;
  readonly task_soft_time_limit: number | null;
  readonly task_default_rate_limit: string | number | null;
  /** Ours: runs that may end their child before the task has failed; `null` is no limit. */
  readonly task_max_deliveries: number | null;
  readonly task_ignore_result: boolean;
  readonly task_store_errors_even_if_ignored: boolean;
  readonly task_track_started: boolean;
  readonly task_send_sent_event: boolean;
  readonly event_exchange: string;
  readonly event_queue_durable: boolean;
  readonly event_queue_exclusive: boolean;
  readonly event_queue_expires: number | null;
  readonly event_queue_prefix: string;
  readonly event_queue_ttl: number | null;
  readonly event_serializer: string;
  readonly worker_concurrency: number | null;
  readonly worker_prefetch_multiplier: number;
  /** Ours: lines a second about rejected messages, of each kind; null is no limit. */
  readonly worker_rejected_log_rate: number | null;
  readonly security_key: string | null;
  readonly security_key_password: string | Uint8Array | null;
  readonly security_certificate: string | null;
  /** A folder, or a glob. */
  readonly security_cert_store: string | null;
  readonly security_digest: string;
  /** Ours: bind headers to signatures, pin the inner type, refuse replays. */
  readonly security_strict: boolean;
  /** Ours: how old, in seconds, a strictly signed message may be when it comes; as long is each remembered. */
  readonly security_replay_window: number;
  readonly worker_pool: 'async' | 'solo' | 'prefork' | 'threads';
  readonly worker_pool_restarts: boolean;
  readonly worker_max_tasks_per_child: number | null;
  readonly worker_max_memory_per_child: number | null;
  readonly worker_proc_alive_timeout: number;
  readonly worker_disable_rate_limits: boolean;
  readonly worker_disable_prefetch: boolean;
  readonly worker_eta_task_limit: number | null;
  readonly worker_deduplicate_successful_tasks: boolean;
  readonly worker_cancel_long_running_tasks_on_connection_loss: boolean;
  /** Ours: seconds without a turn of the event loop before the log names what blocks it; `null` does not watch. */
  readonly worker_blocked_loop_warning: number | null;
  readonly worker_soft_shutdown_timeout: number;
  readonly worker_enable_soft_shutdown_on_idle: boolean;
  readonly worker_log_format: string;
  readonly worker_log_datefmt: string | null;
  readonly worker_task_log_format: string;
  readonly worker_task_log_datefmt: string | null;
  readonly worker_enable_remote_control: boolean;
  readonly worker_state_db: string | null;
  readonly control_exchange: string;
  readonly control_queue_ttl: number | null;
  readonly control_queue_expires: number | null;
  readonly control_queue_exclusive: boolean;
  readonly control_queue_durable: boolean;
  readonly worker_send_task_events: boolean;
  readonly enable_utc: true;
  readonly timezone: 'UTC' | null;
  /** Ours: largest body read from a peer, in bytes. */
  readonly message_max_bytes: number;
  /** Ours: largest body after decompression, in bytes. */
  readonly message_max_decompressed_bytes: number;
  /** Ours: largest body after decompression against before, above 1 MiB. */
  readonly message_max_decompressed_ratio: number;
  /** Ours: deepest nesting of what is read. */
  readonly message_max_depth: number;
  /** Ours: most headers of a message. */
  readonly message_max_headers: number;
  /** Ours: largest headers of a message together, in bytes. */
  readonly message_max_header_bytes: number;
  /** Ours: longest task id, in characters. */
  readonly message_max_id_length: number;
}

/** One queue of `task_queues`. */
export interface QueueSetting {
  readonly name: string;
  readonly exchange?: string;
  readonly exchange_type?: Queue['exchange']['type'];
  readonly routing_key?: string;
  readonly durable?: boolean;
  readonly queue_arguments?: Readonly<Record<string, unknown>>;
  readonly max_priority?: number;
}

/** Seconds. `task_publish_retry_policy`. */
export interface RetryPolicy {
  readonly max_retries: number | null;
  readonly interval_start: number;
  readonly interval_step: number;
  readonly interval_max: number;
}

type Check = (value: unknown) => boolean;

interface Setting {
  readonly fallback: unknown;
  readonly check: Check;
  /** What the value must be, for the error. */
  readonly expected: string;
}

const bool: Check = (value) => typeof value === 'boolean';
const text: Check = (value) => typeof value === 'string' && value !== '';
const secret: Check = (value) => text(value) || value instanceof Uint8Array;
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const whole: Check = (value) => Number.isInteger(value) && number(value);
const count: Check = (value) => whole(value) && value !== 0;
const octet: Check = (value) => whole(value) && Number(value) <= 255;
const record: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);

const setting = (fallback: unknown, check: Check, expected: string): Setting => ({ fallback, check, expected });
const flag = (fallback: boolean): Setting => setting(fallback, bool, 'true or false');

const SETTINGS: Readonly<Record<keyof Settings, Setting>> = {
  broker_url: setting('amqp://guest:guest@localhost:5672//', text, 'a URL'),
  broker_transport_options: setting({}, record, 'an object'),
  broker_use_ssl: setting(false, (value) => bool(value) || record(value), 'true, false or an object of TLS options'),
  broker_connection_retry: flag(true),
  broker_connection_retry_on_startup: setting(null, orNull(bool), 'true, false or null'),
  broker_connection_max_retries: setting(100, orNull(whole), 'a whole number, or null for ever'),
  broker_connection_timeout: setting(4, number, 'seconds'),
  broker_heartbeat: setting(120, orNull(number), 'seconds or null'),
  accept_content: setting(['json'], texts, 'an array of names or mime types'),
  result_backend: setting(null, orNull(text), 'a URL or null'),
  result_backend_transport_options: setting({}, record, 'an object'),
  result_serializer: setting('json', text, 'the name of a serializer'),
  result_accept_content: setting(null, orNull(texts), 'an array of names or mime types, or null'),
  result_compression: setting(null, orNull(text), 'the name of a compression or null'),
  result_expires: setting(86_400, orNull(number), 'seconds or null'),
  result_extended: flag(false),
  result_persistent: setting(null, orNull(bool), 'true, false or null'),
  task_serializer: setting('json', text, 'the name of a serializer'),
  task_compression: setting(null, orNull(text), 'the name of a compression or null'),
  task_protocol: setting(2, oneOf(1, 2), '1 or 2'),
  task_default_queue: setting('celery', text, 'a name'),
  task_default_exchange: setting(null, orNull(text), 'a name or null'),
  task_default_exchange_type: setting('direct', oneOf('direct', 'topic', 'fanout'), 'direct, topic or fanout'),
  task_default_routing_key: setting(null, orNull(text), 'a key or null'),
  task_default_delivery_mode: setting(2, oneOf(1, 2), '1 or 2'),
  task_default_priority: setting(null, orNull(octet), 'a whole number from 0 to 255, or null'),
  task_create_missing_queues: flag(true),
  task_queues: setting(
    null,
    orNull((value) => typeof value === 'object'),
    'an array of queues, or an object of them by name',
  ),
  task_routes: setting(
    null,
    orNull((value) => typeof value === 'object' || typeof value === 'function'),
    'an object, an array or a function',
  ),
  task_queue_max_priority: setting(null, orNull(octet), 'a whole number from 0 to 255, or null'),
  task_publish_retry: flag(true),
  task_publish_retry_policy: setting({ max_retries: 3, interval_start: 0, interval_step: 0.2, interval_max: 1 }, record, 'an object'),
  task_acks_late: flag(false),
  task_acks_on_failure_or_timeout: flag(true),
  task_acks_on_failure: setting(null, orNull(bool), 'true, false or null'),
  task_acks_on_timeout: setting(null, orNull(bool), 'true, false or null'),
  task_reject_on_worker_lost: flag(false),
  task_retry_on_worker_lost: flag(false),
  task_time_limit: setting(null, orNull(number), 'seconds or null'),
  task_soft_time_limit: setting(null, orNull(number), 'seconds or null'),
  task_default_rate_limit: setting(null, orNull(isRate), "'10/s', '100/m', '2/h', a number a second, or null"),
  task_max_deliveries: setting(20, orNull(count), 'a whole number of 1 or more, or null'),
  task_ignore_result: flag(false),
  task_store_errors_even_if_ignored: flag(false),
  task_track_started: flag(false),
  worker_concurrency: setting(null, orNull(count), 'a whole number of 1 or more, or null'),
  task_send_sent_event: flag(false),
  event_exchange: setting('celeryev', text, 'a name'),
  event_queue_durable: flag(false),
  event_queue_exclusive: flag(true),
  event_queue_expires: setting(60, orNull(number), 'seconds or null'),
  event_queue_prefix: setting('celeryev', text, 'a name'),
  event_queue_ttl: setting(5, orNull(number), 'seconds or null'),
  event_serializer: setting('json', text, 'the name of a serializer'),
  worker_prefetch_multiplier: setting(4, whole, 'a whole number; 0 is no limit'),
  worker_rejected_log_rate: setting(100, orNull(whole), 'a whole number, or null for no limit'),
  security_key: setting(null, orNull(text), 'a file or null'),
  security_key_password: setting(null, orNull(secret), 'text, bytes or null'),
  security_certificate: setting(null, orNull(text), 'a file or null'),
  security_cert_store: setting(null, orNull(text), 'a folder, a glob or null'),
  security_digest: setting('sha256', text, 'the name of a digest'),
  security_strict: flag(false),
  security_replay_window: setting(3600, (value) => number(value) && value !== 0, 'seconds, more than 0'),
  worker_pool: setting('async', oneOf('async', 'solo', 'prefork', 'threads'), 'async, solo, prefork or threads'),
  worker_pool_restarts: flag(false),
  worker_max_tasks_per_child: setting(null, orNull(count), 'a whole number of 1 or more, or null'),
  worker_max_memory_per_child: setting(null, orNull(count), 'KiB: a whole number of 1 or more, or null'),
  worker_proc_alive_timeout: setting(4, number, 'seconds'),
  worker_disable_rate_limits: flag(false),
  worker_disable_prefetch: flag(false),
  worker_eta_task_limit: setting(null, orNull(count), 'a whole number of 1 or more, or null'),
  worker_deduplicate_successful_tasks: flag(false),
  worker_cancel_long_running_tasks_on_connection_loss: flag(false),
  worker_blocked_loop_warning: setting(1, orNull(number), 'seconds or null'),
  worker_soft_shutdown_timeout: setting(0, number, 'seconds'),
  worker_enable_soft_shutdown_on_idle: flag(false),
  worker_log_format: setting(DEFAULT_LAYOUT.format, text, "a format in Python's %(name)s style"),
  worker_log_datefmt: setting(null, orNull(text), 'a strftime format or null'),
  worker_task_log_format: setting(DEFAULT_LAYOUT.taskFormat, text, "a format in Python's %(name)s style"),
  worker_task_log_datefmt: setting(null, orNull(text), 'a strftime format or null'),
  worker_enable_remote_control: flag(true),
  worker_state_db: setting(null, orNull(text), "a file's path or null"),
  control_exchange: setting('celery', text, 'a name'),
  control_queue_ttl: setting(300, orNull(number), 'seconds or null'),
  control_queue_expires: setting(10, orNull(number), 'seconds or null'),
  control_queue_exclusive: flag(true),
  control_queue_durable: flag(false),
  worker_send_task_events: flag(false),
  enable_utc: setting(true, oneOf(true), 'true: times travel in UTC'),
  timezone: setting(null, oneOf(null, 'UTC'), "'UTC' or null: times travel in UTC"),
  message_max_bytes: setting(DEFAULT_LIMITS.maxBodyBytes, number, 'bytes'),
  message_max_decompressed_bytes: setting(DEFAULT_LIMITS.maxDecompressedBytes, number, 'bytes'),
  message_max_decompressed_ratio: setting(DEFAULT_LIMITS.maxDecompressedRatio, (value) => number(value) && Number(value) >= 1, '1 or more'),
  message_max_depth: setting(
    DEFAULT_LIMITS.maxDepth,
    (value) => count(value) && Number(value) <= DEFAULT_LIMITS.maxDepth,
    `a whole number from 1 to ${DEFAULT_LIMITS.maxDepth}`,
  ),
  message_max_headers: setting(DEFAULT_LIMITS.maxHeaders, count, 'a whole number of 1 or more'),
  message_max_header_bytes: setting(DEFAULT_LIMITS.maxHeaderBytes, count, 'bytes'),
  message_max_id_length: setting(DEFAULT_LIMITS.maxIdLength, count, 'a whole number of 1 or more'),
};

/** They name serializers, or their mime types. */
const SERIALIZER_SETTINGS = new Set(['task_serializer', 'result_serializer', 'accept_content', 'result_accept_content']);

/** What a user may give: any of the settings. */
export type SettingsInput = { readonly [key in keyof Settings]?: Settings[key] | undefined };

/** Environment variables that win over the settings, as in Celery. */
export interface SettingsEnvironment {
  readonly CELERY_BROKER_URL?: string | undefined;
  readonly CELERY_RESULT_BACKEND?: string | undefined;
}

/**
 * Checks what a user gave, fills in Celery's defaults and freezes the whole. Throws `ImproperlyConfiguredError` for a
 * setting that is unknown, not built yet, or of the wrong kind.
 */
export function parseSettings(input: Readonly<Record<string, unknown>>, env: SettingsEnvironment = {}): Settings {
  const given: Record<string, unknown> = { ...input };
  if (env.CELERY_BROKER_URL) given['broker_url'] = env.CELERY_BROKER_URL;
  if (env.CELERY_RESULT_BACKEND) given['result_backend'] = env.CELERY_RESULT_BACKEND;
  for (const name of Object.keys(given)) if (!Object.hasOwn(SETTINGS, name)) refuse(name);
  const settings: Record<string, unknown> = {};
  for (const [name, { fallback, check, expected }] of Object.entries(SETTINGS)) {
    // null means what it says: results that never expire, retries without end.
    const value = given[name] === undefined ? fallback : given[name];
    if (!check(value)) throw new ImproperlyConfiguredError(`the setting ${name} must be ${expected}`);
    if (SERIALIZER_SETTINGS.has(name)) for (const item of [value].flat()) if (typeof item === 'string') refusePickle(item);
    settings[name] = value;
  }
  settings['task_publish_retry_policy'] = retryPolicy(settings['task_publish_retry_policy'] as Readonly<Record<string, unknown>>);
  if (settings['control_queue_durable'] === true && settings['control_queue_exclusive'] === true)
    throw new ImproperlyConfiguredError('control_queue_durable and control_queue_exclusive exclude each other: set one of them to false');
  return Object.freeze(settings) as unknown as Settings;
}

/** A policy with Celery's defaults where nothing is given. Throws `ImproperlyConfiguredError`. */
export function retryPolicy(given: Readonly<Record<string, unknown>>): RetryPolicy {
  const fallback = SETTINGS.task_publish_retry_policy.fallback as RetryPolicy;
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(fallback, name))
      throw new ImproperlyConfiguredError(`a retry policy has no ${name}; it has ${Object.keys(fallback).join(', ')}`);
    const fits = name === 'max_retries' ? orNull(whole) : number;
    if (!fits(value))
      throw new ImproperlyConfiguredError(
        `${name} of a retry policy must be a ${name === 'max_retries' ? 'whole number or null' : 'number of seconds'}`,
      );
  }
  return { ...fallback, ...given };
}

function refuse(name: string): never {
  if (NOT_BUILT.has(name)) throw new ImproperlyConfiguredError(`the setting ${name} is not built yet: leave it out`);
  const lower = name.toLowerCase();
  const near = modernName(lower) ?? nearest(lower, Object.keys(SETTINGS));
  throw new ImproperlyConfiguredError(`no setting is called ${name.slice(0, 100)}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

/** What a setting of Celery 3, or of a `CELERY_` namespace, is called since Celery 4. */
function modernName(lower: string): string | undefined {
  const [, prefix, rest = ''] = /^(celery|celeryd|celerybeat)_(.*)$/.exec(lower) ?? [];
  if (prefix === undefined) return undefined;
  const spellings = prefix === 'celery' ? ['', 'task_', 'result_'] : prefix === 'celeryd' ? ['worker_'] : ['beat_'];
  const names = [RENAMED.get(rest), ...spellings.map((start) => start + rest)];
  return names.find((name) => name !== undefined && (Object.hasOwn(SETTINGS, name) || NOT_BUILT.has(name)));
}

/** Settings whose new name is not the old one with another prefix. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['task_result_expires', 'result_expires'],
  ['message_compression', 'task_compression'],
]);
