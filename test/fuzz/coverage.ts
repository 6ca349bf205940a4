import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';

/** Which blocks of `src` V8 has run: what a fuzzer steers by. */
export class Coverage {
  readonly #session = new Session();
  readonly #folder: string;
  readonly #seen = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Blocks that have run since the start. */
  get edges(): number {
    return this.#seen.size;
  }

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await this.take();
  }

  /** How many blocks have run since the last call that never ran before. */
  async take(): Promise<number> {
    const { result } = (await this.#session.post('Profiler.takePreciseCoverage')) as Profiler.TakePreciseCoverageReturnType;
    const before = this.#seen.size;
    for (const { url, functions } of result) if (url.startsWith(this.#folder)) this.#note(url, functions);
    return this.#seen.size - before;
  }

  /** Forgets what has run. */
  forget(): void {
    this.#seen.clear();
  }

  /** How often a block has run counts by its order of magnitude, so that loops are something new, too. */
  #note(url: string, functions: readonly Profiler.FunctionCoverage[]): void {
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges)
        if (count > 0) this.#seen.add(`${url}:${startOffset}:${endOffset}:${Math.min(8, Math.floor(Math.log2(count)))}`);
  }

  stop(): void {
    this.#session.disconnect();
  }
}
