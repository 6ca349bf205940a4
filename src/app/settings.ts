import { ImproperlyConfiguredError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { Queue } from '../routing/queue.ts';
import type { Routes } from '../routing/router.ts';
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
  readonly worker_pool: 'async' | 'solo';
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
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const whole: Check = (value) => Number.isInteger(value) && number(value);
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
  task_ignore_result: flag(false),
  task_store_errors_even_if_ignored: flag(false),
  task_track_started: flag(false),
  task_send_sent_event: flag(false),
  event_exchange: setting('celeryev', text, 'a name'),
  event_queue_durable: flag(false),
  event_queue_exclusive: flag(true),
  event_queue_expires: setting(60, orNull(number), 'seconds or null'),
  event_queue_prefix: setting('celeryev', text, 'a name'),
  event_queue_ttl: setting(5, orNull(number), 'seconds or null'),
  event_serializer: setting('json', text, 'the name of a serializer'),
  worker_concurrency: setting(
    null,
    orNull((value) => whole(value) && value !== 0),
    'a whole number of 1 or more, or null',
  ),
  worker_prefetch_multiplier: setting(4, whole, 'a whole number; 0 is no limit'),
  worker_pool: setting('async', oneOf('async', 'solo'), 'async or solo'),
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
  message_max_bytes: setting(128 * 1024 * 1024, number, 'bytes'),
  message_max_decompressed_bytes: setting(64 * 1024 * 1024, number, 'bytes'),
};

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
