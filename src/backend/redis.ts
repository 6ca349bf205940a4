import { BackendUnavailableError, ContentDisallowedError, ImproperlyConfiguredError, ResultDecodeError } from '../base/errors.ts';
import { openRedis } from '../driver/redis.ts';
import type { RedisLogin, RedisPort } from '../driver/redis.ts';
import { taskKey } from '../protocol/keys.ts';
import type { ResultMeta } from '../protocol/result.ts';
import type { ResultBackend, WaitOptions } from './backend.ts';
import { readMeta, writeMeta } from './encoding.ts';
import { transportOptions } from './options.ts';
import type { BackendOptions } from './options.ts';
import { redisLogin } from './redis-url.ts';
import { Turns } from './turns.ts';
import { Waiters } from './waiters.ts';
import { messageOf } from '../base/message-of.ts';

/**
 * Celery's GET, SETEX and PUBLISH in one step: a stored SUCCESS stays. KEYS[1] the result; ARGV[1] its new value,
 * ARGV[2] its time to live in seconds or ''. A value that is no JSON (compressed, say) is left to the caller: -1.
 */
const STORE_SCRIPT = `
local old = redis.call('GET', KEYS[1])
if old then
  local readable, meta = pcall(cjson.decode, old)
  if not readable or type(meta) ~= 'table' then return -1 end
  if meta['status'] == 'SUCCESS' then return 0 end
end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1]) end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
`;

/** `redis://`: one key per result, and a message on a channel of the same name. `celery/backends/redis.py`. */
export async function openRedisBackend(options: BackendOptions): Promise<ResultBackend> {
  const { logger } = options;
  const onError = (message: string): void => logger.warning(`Connection to the result backend lost: ${message}`);
  const login = options.url === undefined ? { host: 'localhost', port: 6379, db: 0 } : redisLogin(options.url);
  return new RedisBackend(openPort({ ...login, onError }), options);
}

function openPort(login: RedisLogin): RedisPort {
  try {
    return openRedis(login);
  } catch (error) {
    throw new ImproperlyConfiguredError(`the result backend's TLS files cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

class RedisBackend implements ResultBackend {
  readonly name = 'redis';
  readonly replyTo = undefined;
  readonly #port: RedisPort;
  readonly #options: BackendOptions;
  readonly #prefix: string;
  readonly #expirySeconds: number | undefined;
  readonly #waiters = new Waiters();
  readonly #turns = new Turns();
  readonly #subscribed = new Map<string, Promise<void>>();
  #scripts = true;

  constructor(port: RedisPort, options: BackendOptions) {
    this.#port = port;
    this.#options = options;
    this.#prefix = keyPrefix(transportOptions(options, ['global_keyprefix']).global_keyprefix);
    this.#expirySeconds = options.resultExpiresMs === undefined ? undefined : Math.max(1, Math.round(options.resultExpiresMs / 1000));
    port.onMessage((channel, value) => this.#receive(channel, value));
    port.onResubscribed(() => this.#lookAgain());
  }

  async storeResult(meta: ResultMeta): Promise<void> {
    const value = writeMeta(meta, this.#options);
    const key = this.#key(meta.task_id);
    await this.#guard(async () => {
      if (this.#scripts && (await this.#storeByScript(key, value))) return;
      await this.#turns.take(meta.task_id, async () => {
        if ((await this.#stored(key, meta.task_id))?.status === 'SUCCESS') return;
        await this.#port.setAndPublish(key, value, this.#expirySeconds);
      });
    });
  }

  /** True when the script has dealt with it; false when scripts are refused, or could not read what is stored. */
  async #storeByScript(key: string, value: Uint8Array): Promise<boolean> {
    try {
      return (
        (await this.#port.script(STORE_SCRIPT, [key], [value, this.#expirySeconds === undefined ? '' : String(this.#expirySeconds)])) !== -1
      );
    } catch (error) {
      if (!(error instanceof Error) || !/^(NOPERM|ERR (unknown|unsupported) command)/i.test(error.message)) throw error;
      this.#options.logger.warning('The result backend refuses scripts; results are stored in two steps instead');
      this.#scripts = false;
      return false;
    }
  }

  async #stored(key: string, taskId: string): Promise<ResultMeta | undefined> {
    const value = await this.#port.get(key);
    try {
      return value === null ? undefined : readMeta(value, this.#options, taskId);
    } catch (error) {
      // Whatever stands there is no result, or none that we may read: it is overwritten.
      if (error instanceof ResultDecodeError || error instanceof ContentDisallowedError) return undefined;
      throw error;
    }
  }

  async stored(taskId: string): Promise<Uint8Array | undefined> {
    return (await this.#guard(() => this.#port.get(this.#key(taskId)))) ?? undefined;
  }

  async getMeta(taskId: string): Promise<ResultMeta | undefined> {
    const value = await this.stored(taskId);
    return value === undefined ? undefined : readMeta(value, this.#options, taskId);
  }

  ready(): undefined {
    return undefined;
  }

  async waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    const waiting = this.#waiters.wait(taskId, options);
    // The wait ends in time even when the server does not answer.
    this.#listen(taskId).catch((error: unknown) => this.#waiters.fail(taskId, error));
    try {
      return await waiting;
    } finally {
      if (!this.#waiters.has(taskId)) this.#unsubscribe(taskId);
    }
  }

  /** Subscribes first and reads then, so that no answer falls between. */
  async #listen(taskId: string): Promise<void> {
    let subscribed = this.#subscribed.get(taskId);
    if (subscribed === undefined) {
      subscribed = this.#guard(() => this.#port.subscribe(this.#key(taskId)));
      this.#subscribed.set(taskId, subscribed);
    }
    await subscribed;
    await this.#look(taskId);
  }

  #unsubscribe(taskId: string): void {
    if (!this.#subscribed.delete(taskId)) return;
    // Nobody waits for it: a lost connection has dropped the subscription anyway.
    this.#port.unsubscribe(this.#key(taskId)).catch(() => undefined);
  }

  async forget(taskId: string): Promise<void> {
    await this.#guard(() => this.#port.del(this.#key(taskId)));
  }

  async close(): Promise<void> {
    this.#waiters.close();
    await this.#port.close();
  }

  /** The channel says whose result it is, whatever stands in the message. */
  #receive(channel: string, value: Uint8Array): void {
    const taskId = channel.slice(this.#key('').length);
    try {
      this.#waiters.announce(taskId, readMeta(value, this.#options, taskId));
    } catch (error) {
      this.#waiters.fail(taskId, error);
    }
  }

  /** After a lost connection: what was published meanwhile can only be read. */
  #lookAgain(): void {
    for (const taskId of this.#waiters.taskIds()) this.#look(taskId).catch((error: unknown) => this.#waiters.fail(taskId, error));
  }

  async #look(taskId: string): Promise<void> {
    const meta = await this.getMeta(taskId);
    if (meta !== undefined) this.#waiters.announce(taskId, meta);
  }

  #key(taskId: string): string {
    return this.#prefix + taskKey(taskId);
  }

  /** The library's own text when it gives up says how often it tried, not what went wrong. */
  #why(error: unknown): string {
    if (!(error instanceof Error)) return String(error);
    return (error.name === 'MaxRetriesPerRequestError' ? this.#port.lastError() : undefined) ?? error.message;
  }

  async #guard<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      const url = this.#options.url?.masked ?? 'redis';
      throw new BackendUnavailableError(`the result backend ${url} cannot be used: ${this.#why(error)}`, { cause: error });
    }
  }
}

/** The result backend's own prefix rule: an underscore unless it ends in a separator already. */
function keyPrefix(given: unknown): string {
  if (given === undefined || given === null || given === '') return '';
  if (typeof given !== 'string') throw new ImproperlyConfiguredError('global_keyprefix of result_backend_transport_options must be text');
  return /[:_\-.]$/.test(given) ? given : `${given}_`;
}
