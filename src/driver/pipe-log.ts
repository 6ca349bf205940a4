import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Where lines of a log go. */
export interface LineSink {
  write(line: string): void;
}

/** Bytes of lines that wait for a reader. */
const MOST_WAITING = 1024 * 1024;

/** Milliseconds between two looks whether the reader reads again. */
const RETRY_MS = 50;

/** Milliseconds that a process which ends waits for a reader. */
const LAST_WORDS_MS = 200;

/**
 * A pipe that is written to without waiting, so that a reader which has stopped does not stop the worker: up to 1 MiB of
 * lines wait, more are counted, and `onDropped` is told the count once there is room.
 */
export class PipeLog implements LineSink {
  readonly #fd: number;
  readonly #onDropped: (count: number) => void;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(fd: number, onDropped: (count: number) => void) {
    this.#fd = fd;
    this.#onDropped = onDropped;
    process.once('exit', () => this.#lastWords());
  }

  /**
   * Opens the pipe behind `fd` anew, so that others who share it go on waiting as they are used to. `undefined` for anything
   * that is no pipe, and where the system has no `/proc`.
   */
  static open(fd: number, onDropped: (count: number) => void): PipeLog | undefined {
    try {
      if (!fstatSync(fd).isFIFO()) return undefined;
      return new PipeLog(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), onDropped);
    } catch {
      return undefined;
    }
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    const rest = this.#waiting.length === 0 ? this.#put(bytes) : bytes;
    if (rest === undefined) return;
    if (this.#bytes + rest.length > MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(rest);
    this.#bytes += rest.length;
    this.#timer ??= setInterval(() => this.#retry(), RETRY_MS).unref();
  }

  /** What of it the pipe has no room for. A reader that has gone away takes everything: nobody can be told. */
  #put(bytes: Buffer): Buffer | undefined {
    try {
      const written = writeSync(this.#fd, bytes);
      return written < bytes.length ? bytes.subarray(written) : undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? bytes : undefined;
    }
  }

  #retry(): void {
    let sent = 0;
    for (const bytes of this.#waiting) {
      const rest = this.#put(bytes);
      this.#bytes -= bytes.length - (rest?.length ?? 0);
      if (rest !== undefined) {
        this.#waiting[sent] = rest;
        break;
      }
      sent += 1;
    }
    this.#waiting = this.#waiting.slice(sent);
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }

  #lastWords(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (const deadline = performance.now() + LAST_WORDS_MS; this.#waiting.length > 0 && performance.now() < deadline;) {
      this.#retry();
      if (this.#waiting.length > 0) Atomics.wait(pause, 0, 0, 10);
    }
  }
}
