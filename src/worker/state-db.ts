import { ImproperlyConfiguredError } from '../base/errors.ts';
import { utf8Decode } from '../base/bytes.ts';
import { readIfThere, replaceFile } from '../driver/files.ts';
import { messageOf } from '../base/message-of.ts';
import type { Step } from './steps.ts';
import type { Worker } from './worker.ts';

const FORMAT = 'tq-bridge-state';
const VERSION = 1;

/** How long a change may wait to be written: what a killed worker forgets. */
const WRITE_MS = 5000;

/**
 * Keeps revoked ids and the logical clock in a file: read when the worker starts, written soon after a change and when it
 * stops, in one step. The format is ours (`docs/control.md`): Python's is a database of pickles.
 * `celery/worker/state.py Persistent`.
 */
export class StateDb implements Step<Worker> {
  readonly name = 'statedb';
  readonly #path: string;
  #written = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isFailing = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with `ImproperlyConfiguredError` for a file that is something else: it is never overwritten. */
  async start(worker: Worker): Promise<void> {
    const { clock } = worker.app;
    const { ids } = worker.state.revoked;
    const kept = await this.#read();
    ids.add(kept.revoked);
    clock.adjust(kept.clock);
    this.#written = ids.version;
    this.#timer = setInterval(() => {
      if (ids.version !== this.#written) this.#writing ??= this.#tryToWrite(worker);
    }, WRITE_MS).unref();
  }

  async stop(worker: Worker): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write(worker);
  }

  async #read(): Promise<{ readonly revoked: string[]; readonly clock: number }> {
    const bytes = await readIfThere(this.#path);
    if (bytes === undefined || bytes.length === 0) return { revoked: [], clock: 0 };
    const kept = parse(bytes);
    if (kept === undefined)
      throw new ImproperlyConfiguredError(`the file ${this.#path} is not a state of tq-bridge's; name another one, or remove it`);
    return kept;
  }

  /** What could not be written is tried again at the next turn; that it cannot be is said once. */
  async #tryToWrite(worker: Worker): Promise<void> {
    try {
      await this.#write(worker);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) worker.logger.error(`The state could not be written to ${this.#path}: ${messageOf(error)}`);
      this.#isFailing = true;
    } finally {
      this.#writing = undefined;
    }
  }

  async #write({ app, state }: Worker): Promise<void> {
    const { ids } = state.revoked;
    ids.purge();
    const { version } = ids;
    const kept = { format: FORMAT, version: VERSION, clock: app.clock.forward(), revoked: ids.ids() };
    await replaceFile(this.#path, `${JSON.stringify(kept)}\n`, app.host.uuid());
    this.#written = version;
  }
}

function parse(bytes: Uint8Array): { readonly revoked: string[]; readonly clock: number } | undefined {
  try {
    const kept: unknown = JSON.parse(utf8Decode(bytes));
    if (typeof kept !== 'object' || kept === null) return undefined;
    const { format, version, clock, revoked } = kept as Readonly<Record<string, unknown>>;
    if (format !== FORMAT || version !== VERSION || typeof clock !== 'number' || !Array.isArray(revoked)) return undefined;
    return { clock, revoked: revoked.filter((id): id is string => typeof id === 'string') };
  } catch {
    return undefined;
  }
}
