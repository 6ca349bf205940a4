/** The Python process that sends tasks for the tests: one JSON line in, one out. */

import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';

import type { Child } from '../test/servers.ts';

/** What the Python driver answers. */
export interface Reply {
  readonly id: string;
  readonly value?: unknown;
  /** The Python class of `value`. */
  readonly type?: string;
  readonly error?: { type: string; module: string; args: string[]; state: string; traceback: string | null };
  readonly broken?: string;
}

/** Its output once it waits for commands: the whole line, for what follows is read as answers. */
export const driverReady: RegExp = /"ready": true\}\n/;

/** A running `driver.py`. Commands are answered in order. */
export class Driver implements AsyncDisposable {
  readonly #child: Child;
  readonly #lines: Interface;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(child: Child) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout });
    this.#lines.on('line', (line) => this.#waiting.shift()?.(line));
  }

  /** Sends one command. Throws an `Error` when the driver could not run it or has ended. */
  async ask(command: Readonly<Record<string, unknown>>): Promise<Reply> {
    const line = new Promise<string>((resolve) => this.#waiting.push(resolve));
    const ended = this.#child.exitCode.then((code) => {
      throw new Error(`the Python driver ended with ${code}:\n${this.#child.output()}`);
    });
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const reply = JSON.parse(await Promise.race([line, ended])) as Reply;
    if (reply.broken !== undefined) throw new Error(reply.broken);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lines.close();
    await this.#child.stop();
  }
}
