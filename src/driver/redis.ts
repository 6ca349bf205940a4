import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

/** The few commands a result backend needs, in front of the client library. Values are bytes. */
export interface RedisPort {
  get(key: string): Promise<Uint8Array | null>;
  del(key: string): Promise<void>;
  /** SETEX (SET without `expirySeconds`) and PUBLISH in one transaction. */
  setAndPublish(key: string, value: Uint8Array, expirySeconds: number | undefined): Promise<void>;
  /** Runs a script by its hash, loading it when the server has forgotten it. */
  script(script: string, keys: readonly string[], args: readonly (string | Uint8Array)[]): Promise<unknown>;
  /** Exact channels on a connection of their own, restored after a reconnect. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Called for each message on a subscribed channel. */
  onMessage(listener: (channel: string, value: Uint8Array) => void): void;
  /** Called when the subscriptions are back after the connection was lost: what was said meanwhile is gone. */
  onResubscribed(listener: () => void): void;
  /** Why the connection is away, when the library has given a command up: what the socket said last. */
  lastError(): string | undefined;
  close(): Promise<void>;
}

/** How to reach the server: host and port, or the path of a socket. */
export interface RedisLogin {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** Absent: not encrypted. Files are PEM. */
  readonly tls?: {
    readonly verify: boolean;
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
  readonly onError: (message: string) => void;
}

/** Back-off between attempts; ioredis gives a command up after `RETRIES` reconnections. */
const RETRIES = 20;
const RETRY_STEP_MS = 100;
const RETRY_MAX_MS = 2000;

/** Opens no connection yet: ioredis connects with the first command. Throws what `fs` throws for files of `tls` that cannot be read. */
export function openRedis(login: RedisLogin): RedisPort {
  const { onError, tls, ...where } = login;
  const options: RedisOptions = {
    ...where,
    lazyConnect: true,
    protocol: 2,
    enableAutoPipelining: true,
    maxRetriesPerRequest: RETRIES,
    retryStrategy: (attempt) => Math.min(attempt * RETRY_STEP_MS, RETRY_MAX_MS),
    ...(tls === undefined ? undefined : { tls: tlsOptions(tls) }),
  };
  return new IoredisPort(options, onError);
}

function tlsOptions({ verify, caFile, certFile, keyFile }: NonNullable<RedisLogin['tls']>): ConnectionOptions {
  return {
    rejectUnauthorized: verify,
    ...(caFile === undefined ? undefined : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? undefined : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? undefined : { key: readFileSync(keyFile) }),
  };
}

class IoredisPort implements RedisPort {
  readonly #commands: Redis;
  readonly #onError: (message: string) => void;
  readonly #options: RedisOptions;
  readonly #hashes = new Map<string, string>();
  #subscriber: Redis | undefined;
  #onMessage: ((channel: string, value: Uint8Array) => void) | undefined;
  #onResubscribed: (() => void) | undefined;
  #lastError: string | undefined;

  constructor(options: RedisOptions, onError: (message: string) => void) {
    this.#options = options;
    this.#onError = onError;
    this.#commands = this.#client(options);
  }

  get(key: string): Promise<Uint8Array | null> {
    return quiet(this.#commands.getBuffer(key));
  }

  async del(key: string): Promise<void> {
    await quiet(this.#commands.del(key));
  }

  async setAndPublish(key: string, value: Uint8Array, expirySeconds: number | undefined): Promise<void> {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const transaction = this.#commands.multi();
    if (expirySeconds === undefined) transaction.set(key, bytes);
    else transaction.setex(key, expirySeconds, bytes);
    transaction.publish(key, bytes);
    const replies = await quiet(transaction.exec());
    for (const [error] of replies ?? []) if (error !== null) throw withoutCommand(error);
  }

  async script(script: string, keys: readonly string[], args: readonly (string | Uint8Array)[]): Promise<unknown> {
    const values = args.map((arg) => (typeof arg === 'string' ? arg : Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength)));
    const hash = this.#hashes.get(script) ?? (await this.#load(script));
    try {
      return await quiet(this.#commands.evalsha(hash, keys.length, ...keys, ...values));
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return quiet(this.#commands.evalsha(await this.#load(script), keys.length, ...keys, ...values));
    }
  }

  async #load(script: string): Promise<string> {
    const hash = String(await quiet(this.#commands.script('LOAD', script)));
    this.#hashes.set(script, hash);
    return hash;
  }

  async subscribe(channel: string): Promise<void> {
    this.#subscriber ??= this.#openSubscriber();
    await quiet(this.#subscriber.subscribe(channel));
  }

  async unsubscribe(channel: string): Promise<void> {
    if (this.#subscriber !== undefined) await quiet(this.#subscriber.unsubscribe(channel));
  }

  onMessage(listener: (channel: string, value: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onResubscribed(listener: () => void): void {
    this.#onResubscribed = listener;
  }

  lastError(): string | undefined {
    return this.#lastError;
  }

  close(): Promise<void> {
    this.#commands.disconnect();
    this.#subscriber?.disconnect();
    return Promise.resolve();
  }

  #openSubscriber(): Redis {
    // A subscription waits as long as it takes; commands give up.
    const subscriber = this.#client({ ...this.#options, maxRetriesPerRequest: null, enableAutoPipelining: false });
    let connected = false;
    subscriber.on('messageBuffer', (channel: Buffer, value: Buffer) => this.#onMessage?.(channel.toString(), value));
    subscriber.on('ready', () => {
      // ioredis sends its subscriptions again before anything that is asked after `ready`: once this is answered, they hold.
      if (connected) {
        setImmediate(() => {
          subscriber.ping().then(
            () => this.#onResubscribed?.(),
            (error: unknown) => this.#onError(String(error)),
          );
        });
      }
      connected = true;
    });
    return subscriber;
  }

  #client(options: RedisOptions): Redis {
    // The library's option types predate exactOptionalPropertyTypes.
    const client = new (Redis as unknown as new (given: RedisOptions) => Redis)(options);
    client.on('error', (error: Error) => {
      this.#lastError = error.message || ('code' in error ? String(error.code) : error.name);
      this.#onError(this.#lastError);
    });
    return client;
  }
}

/** The client's errors carry the command they answer, and that of a login is the password. */
async function quiet<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw withoutCommand(error);
  }
}

function withoutCommand(error: unknown): unknown {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error;
}
