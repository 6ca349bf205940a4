import { BackendUnavailableError, ImproperlyConfiguredError } from '../base/errors.ts';
import { ResultFolder } from '../driver/result-folder.ts';
import { taskKey } from '../protocol/keys.ts';
import type { ResultMeta } from '../protocol/result.ts';
import { isReadyState } from '../protocol/state.ts';
import type { ResultBackend, WaitOptions } from './backend.ts';
import { readMeta, writeMeta } from './encoding.ts';
import type { BackendOptions } from './options.ts';
import { Turns } from './turns.ts';
import { Waiters } from './waiters.ts';
import { messageOf } from '../base/message-of.ts';

/** The folder tells us at once; this is for folders that cannot. */
const POLL_MS = 250;
const LONGEST_NAME_BYTES = 255;

/** `file:///folder`: one file per result, shared with Python. `celery/backends/filesystem.py`. */
export async function openFilesystemBackend(options: BackendOptions): Promise<ResultBackend> {
  const path = options.url?.virtualHost ?? '';
  if (path === '') throw new ImproperlyConfiguredError('a file result backend needs a folder: file:///path/to/folder');
  const folder = new ResultFolder(`/${path.replace(/^\/+/, '')}`);
  await guard(() => folder.open());
  return new FilesystemBackend(folder, options);
}

class FilesystemBackend implements ResultBackend {
  readonly name = 'file';
  readonly replyTo = undefined;
  readonly #folder: ResultFolder;
  readonly #options: BackendOptions;
  readonly #waiters = new Waiters();
  readonly #turns = new Turns();
  #watching: { readonly stop: () => void; readonly timer: NodeJS.Timeout } | undefined;

  constructor(folder: ResultFolder, options: BackendOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  async storeResult(meta: ResultMeta): Promise<void> {
    const value = writeMeta(meta, this.#options);
    const key = fileName(meta.task_id);
    // A retried task may be done before its RETRY is stored: the two take turns.
    await this.#turns.take(meta.task_id, async () => {
      if ((await this.getMeta(meta.task_id).catch(() => undefined))?.status === 'SUCCESS') return;
      await guard(() => this.#folder.replace(key, value, this.#options.host.uuid()));
    });
  }

  stored(taskId: string): Promise<Uint8Array | undefined> {
    return guard(() => this.#folder.read(fileName(taskId)));
  }

  async getMeta(taskId: string): Promise<ResultMeta | undefined> {
    const value = await this.stored(taskId);
    // Python writes in place: an empty file is a result that is being written.
    return value === undefined || value.length === 0 ? undefined : readMeta(value, this.#options, taskId);
  }

  ready(): undefined {
    return undefined;
  }

  async waitFor(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    const meta = await this.getMeta(taskId);
    if (meta !== undefined && isReadyState(meta.status)) return meta;
    const waiting = this.#waiters.wait(taskId, options);
    waiting.catch(() => undefined);
    this.#watch();
    await this.#look(taskId);
    return waiting;
  }

  forget(taskId: string): Promise<void> {
    return guard(() => this.#folder.remove(fileName(taskId)));
  }

  close(): Promise<void> {
    this.#unwatch();
    this.#waiters.close();
    return Promise.resolve();
  }

  #watch(): void {
    if (this.#watching !== undefined) return;
    const stop = this.#folder.watch((key) => {
      const taskId = this.#waiters.taskIds().find((id) => taskKey(id) === key);
      if (taskId !== undefined) void this.#look(taskId);
    });
    const timer = setInterval(() => {
      const taskIds = this.#waiters.taskIds();
      if (taskIds.length === 0) this.#unwatch();
      for (const taskId of taskIds) void this.#look(taskId);
    }, POLL_MS);
    this.#watching = { stop, timer };
  }

  #unwatch(): void {
    clearInterval(this.#watching?.timer);
    this.#watching?.stop();
    this.#watching = undefined;
  }

  /** Never rejects: what goes wrong goes to who waits. */
  async #look(taskId: string): Promise<void> {
    try {
      const meta = await this.getMeta(taskId);
      if (meta !== undefined) this.#waiters.announce(taskId, meta);
    } catch (error) {
      this.#waiters.fail(taskId, error);
    }
  }
}

function fileName(taskId: string): string {
  const name = taskKey(taskId);
  if (/[/\\\0]/.test(name) || new TextEncoder().encode(name).length > LONGEST_NAME_BYTES) {
    throw new BackendUnavailableError('this task id cannot be a file name: it holds a slash or a NUL, or is too long');
  }
  return name;
}

async function guard<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof BackendUnavailableError) throw error;
    throw new BackendUnavailableError(`the result folder cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
