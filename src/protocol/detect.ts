import { DecodeError } from '../base/errors.ts';
import { DEFAULT_LIMITS } from '../base/limits.ts';
import { parseIso8601 } from '../base/iso8601.ts';
import type { ExceptionWire } from './result.ts';
import { decodeEmbed } from './signature.ts';
import type { TaskRequest } from './task.ts';

/** What a delivery turned out to be. */
export type DecodedTask =
  | { readonly kind: 'task'; readonly request: TaskRequest; readonly protocol: 1 | 2 }
  /** No task at all: Celery's "unknown message". */
  | { readonly kind: 'unknown' }
  /** A task that can never run. `id` is set when a result can be stored under it, so that its client need not wait for ever. */
  | {
      readonly kind: 'invalid';
      readonly reason: string;
      readonly id: string | undefined;
      readonly task: string | undefined;
      readonly failure: ExceptionWire;
    };

/** The usable identity in a message's headers, before its body is read. */
export interface TaskIdentity {
  readonly id: string | undefined;
  readonly task: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
type ReadTask = DecodedTask & { readonly kind: 'task' };

/** Reads id and task name where they are usable text; for storing a failure when the body cannot be read. */
export function peekIds(headers: Fields, maxIdLength: number = DEFAULT_LIMITS.maxIdLength): TaskIdentity {
  const { id, task } = headers as { readonly id?: unknown; readonly task?: unknown };
  return { id: isUsableId(id, maxIdLength) ? id : undefined, task: typeof task === 'string' ? task : undefined };
}

/**
 * Reads protocol 2, protocol 1 and the hybrid form (`celery/worker/strategy.py`). Total: never throws. What would crash a
 * Python worker or leave its client waiting is `invalid` here; `docs/protocol.md` lists each difference.
 */
export function decodeTask(headers: Fields, body: unknown, maxIdLength: number = DEFAULT_LIMITS.maxIdLength): DecodedTask {
  if (headers['task'] === undefined) {
    if (!isObject(body) || !('task' in body)) return { kind: 'unknown' };
    return decodeWith(body, maxIdLength, () => decodeV1(headers, body));
  }
  if (isObject(body) && 'args' in body) return decodeWith(headers, maxIdLength, () => decodeHybrid(headers, body));
  return decodeWith(headers, maxIdLength, () => decodeV2(headers, body));
}

function decodeWith(identity: Fields, maxIdLength: number, decode: () => ReadTask): DecodedTask {
  try {
    const task = decode();
    const { id: given } = task.request;
    if (!isUsableId(given, maxIdLength))
      throw new InvalidTask(`Task id must be text of 1 to ${maxIdLength} characters, not ${describe(given)}`);
    return task;
  } catch (error) {
    if (!(error instanceof InvalidTask) && !(error instanceof DecodeError)) throw error;
    const { id, task } = peekIds(identity, maxIdLength);
    const excType = error instanceof InvalidTask ? error.excType : 'InvalidTaskError';
    const excModule = excType === 'TypeError' ? 'builtins' : 'celery.exceptions';
    return {
      kind: 'invalid',
      reason: error.message,
      id,
      task,
      failure: { exc_type: excType, exc_message: [error.message], exc_module: excModule },
    };
  }
}

/** Why a task can never run, worded as Python words it where it has words. */
class InvalidTask extends Error {
  readonly excType: 'InvalidTaskError' | 'TypeError';

  constructor(message: string, excType: 'InvalidTaskError' | 'TypeError' = 'InvalidTaskError') {
    super(message);
    this.excType = excType;
  }
}

function decodeV2(headers: Fields, body: unknown): ReadTask {
  if (!Array.isArray(body) || body.length !== 3) {
    throw new InvalidTask(`Task body must be an array of args, kwargs and embed, not ${describe(body)}`);
  }
  const [args, kwargs, embed] = body as [unknown, unknown, unknown];
  return { kind: 'task', protocol: 2, request: request(headers, args, kwargs, embed, custom(headers)) };
}

function decodeHybrid(headers: Fields, body: Fields): ReadTask {
  return {
    kind: 'task',
    protocol: 2,
    request: request({ ...v1Fields(body), ...headers }, body['args'], v1Kwargs(body), v1Embed(body), custom(headers)),
  };
}

function decodeV1(headers: Fields, body: Fields): ReadTask {
  const args = 'args' in body ? body['args'] : [];
  return { kind: 'task', protocol: 1, request: request(v1Fields(body), args, v1Kwargs(body), v1Embed(body), headers) };
}

/** Keywords may be missing, but not null. */
function v1Kwargs(body: Fields): Fields {
  const kwargs = 'kwargs' in body ? body['kwargs'] : {};
  if (!isObject(kwargs)) throw new InvalidTask('Task keyword arguments must be a mapping');
  return kwargs;
}

/** Protocol 1 has no chain: the next step is a callback. */
function v1Embed(body: Fields): Fields {
  return { ...body, chain: null };
}

/** Protocol 1 names the group twice; `taskset` wins, as in `proto1_to_proto2`. */
function v1Fields(body: Fields): Fields {
  const {
    task,
    id,
    retries,
    eta,
    expires,
    timelimit,
    group,
    taskset,
    group_index: groupIndex,
  } = body as Readonly<Record<string, unknown>> & { readonly [key in V1Key]?: unknown };
  return { task, id, retries, eta, expires, timelimit, group: taskset ?? group, group_index: groupIndex };
}

type V1Key = 'task' | 'id' | 'retries' | 'eta' | 'expires' | 'timelimit' | 'group' | 'taskset' | 'group_index';

function request(fields: Fields, args: unknown, kwargs: unknown, embed: unknown, headers: Fields): TaskRequest {
  const { id, task } = fields as { readonly id?: unknown; readonly task?: unknown };
  if (typeof id !== 'string' || id === '') throw new InvalidTask(`Task id must be text, not ${describe(id)}`);
  if (task !== null && typeof task !== 'string') throw new InvalidTask(`Task name must be text, not ${describe(task)}`);
  const [timeLimit, softTimeLimit] = timeLimits(fields['timelimit']);
  const eta = date('ETA', fields['eta']);
  const expires = date('expires', fields['expires']);
  return {
    id,
    // Celery looks up the name None and finds nothing: an unregistered task.
    task: task ?? 'None',
    args: positional(args),
    kwargs: keywords(kwargs),
    embed: decodeEmbed(embed),
    lang: text(fields['lang']),
    shadow: text(fields['shadow']),
    eta,
    expires,
    etaText: text(fields['eta']),
    expiresText: text(fields['expires']),
    group: text(fields['group']),
    groupIndex: whole(fields['group_index']),
    retries: whole(fields['retries']) ?? 0,
    timeLimit,
    softTimeLimit,
    rootId: text(fields['root_id']),
    parentId: text(fields['parent_id']),
    argsrepr: text(fields['argsrepr']),
    kwargsrepr: text(fields['kwargsrepr']),
    origin: text(fields['origin']),
    ignoreResult: truth(fields['ignore_result']),
    replacedTaskNesting: whole(fields['replaced_task_nesting']) ?? 0,
    stampedHeaders: stampedHeaders(fields['stamped_headers']),
    stamps: isObject(fields['stamps']) ? fields['stamps'] : {},
    headers,
  };
}

function positional(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args;
  // Python would spread text over its characters and an object over its keys; nobody means that.
  throw new InvalidTask(`argument after * must be an iterable, not ${describe(args)}`, 'TypeError');
}

function keywords(kwargs: unknown): Fields {
  if (isObject(kwargs)) return kwargs;
  throw new InvalidTask('Task keyword arguments is not a mapping');
}

function date(name: string, value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  const moment = typeof value === 'string' ? parseIso8601(value) : undefined;
  if (moment === undefined) throw new InvalidTask(`invalid ${name} value ${describe(value)}`);
  return moment.epochMs;
}

function timeLimits(value: unknown): [number | undefined, number | undefined] {
  if (value === null || value === undefined) return [undefined, undefined];
  if (!Array.isArray(value) || value.length !== 2) throw new InvalidTask(`timelimit must be [hard, soft], not ${describe(value)}`);
  const [hard, soft] = value.map((given: unknown) => {
    const limit = typeof given === 'bigint' ? Number(given) : given;
    if (limit === null) return undefined;
    if (typeof limit !== 'number' || !(limit >= 0)) throw new InvalidTask(`a time limit is a number of seconds, not ${describe(limit)}`);
    // Celery reads 0 as no limit.
    return limit === 0 ? undefined : limit;
  });
  return [hard, soft];
}

function stampedHeaders(value: unknown): readonly string[] | undefined {
  if (value === null || value === undefined) return undefined;
  if (!Array.isArray(value)) throw new InvalidTask(`stamped_headers must be an array, not ${describe(value)}`);
  return value.filter((name) => typeof name === 'string');
}

const KNOWN: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'shadow',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'compression',
  'meth',
]);

const NO_HEADERS: Fields = Object.freeze({});

/** Headers that are the user's own, without the dead-letter history that the broker adds. */
function custom(headers: Fields): Fields {
  let own: Record<string, unknown> | undefined;
  for (const key in headers) {
    if (KNOWN.has(key) || key.startsWith('x-death') || key.startsWith('x-first-death') || key.startsWith('x-last-death')) continue;
    own ??= {};
    Object.defineProperty(own, key, { value: headers[key], enumerable: true, configurable: true, writable: true });
  }
  return own ?? NO_HEADERS;
}

function isUsableId(id: unknown, maxIdLength: number): id is string {
  return typeof id === 'string' && id !== '' && id.length <= maxIdLength;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function whole(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  // Celery takes "0" for a number of retries until the task retries.
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Python's truth of a header, `undefined` where the task decides. */
function truth(value: unknown): boolean | undefined {
  if (value === null || value === undefined) return undefined;
  return Boolean(value);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'string') return `'${value.slice(0, 100)}'`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? 'an object' : String(value).slice(0, 100);
}
