import { BackendUnavailableError, ResultDecodeError } from '../base/errors.ts';
import { openRedis } from '../driver/redis.ts';
import type { RedisPort } from '../driver/redis.ts';
import { taskKey } from '../protocol/keys.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import type { ResultBackend, WaitOptions } from './backend.ts';
import { readMeta } from './encoding.ts';
import type { BackendOptions } from './options.ts';
import { Waiters } from './waiters.ts';

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
export function openRedisBackend(options: BackendOptions): Promise<ResultBackend> {
  const { url, logger } = options;
  const port = openRedis({
    host: url?.hostname ?? 'localhost',
    port: url?.port ?? 6379,
    username: url?.username,
    password: url?.password,
    db: Number(url?.virtualHost ?? 0) || 0,
    tls: url?.scheme === 'rediss',
    onError: (message) => logger.warning(`Connection to the result backend lost: ${message}`),
  });
  return Promise.resolve(new RedisBackend(port, options));
}

class RedisBackend implements ResultBackend {
  readonly name = 'redis';
  readonly replyTo = undefined;
  readonly #port: RedisPort;
  readonly #options: BackendOptions;
  readonly #prefix: string;
  readonly #expirySeconds: number | undefined;
  readonly #waiters = new Waiters();
  readonly #expected = new Map<string, Promise<void>>();
  #scripts = true;

  constructor(port: RedisPort, options: BackendOptions) {
    this.#port = port;
    this.#options = options;
    this.#prefix = keyPrefix(options.transportOptions['global_keyprefix']);
    this.#expirySeconds = options.resultExpiresMs === undefined ? undefined : Math.max(1, Math.round(options.resultExpiresMs / 1000));
    port.onMessage((_channel, value) => this.#receive(value));
    port.onResubscribed(() => this.#lookAgain());
  }

  async storeResult(meta: ResultMeta): Promise<void> {
    const value = this.#options.serializer.encode(meta);
    const key = this.#key(meta.task_id);
    await this.#guard(async () => {
      if (this.#scripts && (await this.#storeByScript(key, value))) return;
      if ((await this.#stored(key, meta.task_id))?.status === 'SUCCESS') return;
      await this.#port.setAndPublish(key, value, this.#expirySeconds);
    });
  }

  /** True when the script has dealt with it; false when scripts are refused, or could not read what is stored. */
  async #storeByScript(key: string, value: Uint8Array): Promise<boolean> {
    try {
      return (
        (await this.#port.script(STORE_SCRIPT, [key], [value, this.#expirySeconds === undefined ? '' : String(this.#expirySeconds)])) !== -1
      );
    } catch (error) {
      if (!(error instanceof Error) || !/^(NOPERM|ERR unknown command)/i.test(error.message)) throw error;
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
      // Whatever stands there is no result: it is overwritten, as Celery would.
      if (error instanceof ResultDecodeError) return undefined;
      throw error;
    }
  }

  async getMeta(taskId: string): Promise<ResultMeta | undefined> {
    const value = await this.#guard(() => this.#port.get(this.#key(taskId)));
    return value === null ? undefined : readMeta(value, this.#options, taskId);
  }

  /** Subscribes before the task goes out. The subscription lasts until its result has come, or is released. */
  async expect(taskId: string): Promise<void> {
    let subscribed = this.#expected.get(taskId);
    if (subscribed === undefined) {
      subscribed = this.#guard(() => this.#port.subscribe(this.#key(taskId)));
      this.#expected.set(taskId, subscribed);
      subscribed.catch(() => this.#expected.delete(taskId));
    }
    await subscribed;
  }

  async waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    const waiting = this.#waiters.wait(taskId, options);
    waiting.catch(() => undefined);
    try {
      await Promise.race([this.#listen(taskId), waiting]);
      return await waiting;
    } finally {
      if (!this.#waiters.has(taskId)) await this.release(taskId);
    }
  }

  /** Subscribes first and reads then, so that no answer falls between. */
  async #listen(taskId: string): Promise<void> {
    await this.expect(taskId);
    await this.#look(taskId);
  }

  async release(taskId: string): Promise<void> {
    if (!this.#expected.delete(taskId)) return;
    await this.#port.unsubscribe(this.#key(taskId)).catch(() => undefined);
  }

  async forget(taskId: string): Promise<void> {
    await this.release(taskId);
    await this.#guard(() => this.#port.del(this.#key(taskId)));
  }

  async close(): Promise<void> {
    this.#waiters.close();
    await this.#port.close();
  }

  #receive(value: Uint8Array): void {
    try {
      const meta = readMeta(value, this.#options);
      if (isReadyState(meta.status) && !this.#waiters.has(meta.task_id)) void this.release(meta.task_id);
      this.#waiters.announce(meta);
    } catch (error) {
      this.#options.logger.error(`Unreadable result published: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** After a lost connection: what was published meanwhile can only be read. */
  #lookAgain(): void {
    for (const taskId of this.#waiters.taskIds()) this.#look(taskId).catch((error: unknown) => this.#waiters.fail(taskId, error));
  }

  async #look(taskId: string): Promise<void> {
    const meta = await this.getMeta(taskId);
    if (meta !== undefined) this.#waiters.announce(meta);
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
  if (typeof given !== 'string' || given === '') return '';
  return /[:_\-.]$/.test(given) ? given : `${given}_`;
}
