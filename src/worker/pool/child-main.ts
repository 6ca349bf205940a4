import { threadId } from 'node:worker_threads';
import { getHeapStatistics } from 'node:v8';
import type { CeleryApp } from '../../app/celery.ts';
import { findApp } from '../../app/find-app.ts';
import type { Logger, LogLevel } from '../../base/logger.ts';
import { SoftTimeLimitExceeded } from '../limits.ts';
import { messageOf } from '../../base/message-of.ts';
import { printed } from '../log-lines.ts';
import { ChildJobs } from './child-jobs.ts';
import type { Boot, FromChild, ToChild } from './wire.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

/** The inside of a child: loads the app, runs what it is sent, ends when it is told. */
export class ChildMain {
  readonly logger: Logger;
  readonly #send: (message: FromChild) => void;
  readonly #leave: () => void;
  #logLevel: LogLevel = 'info';
  #app: CeleryApp | undefined;
  #jobs: ChildJobs | undefined;

  constructor(send: (message: FromChild) => void, leave: () => void) {
    this.#send = send;
    this.#leave = leave;
    this.logger = this.#makeLogger();
  }

  hear(message: ToChild): void {
    switch (message.type) {
      case 'boot':
        void this.#boot(message);
        return;
      case 'run':
        void this.#jobs?.run(message);
        return;
      case 'soft':
        return this.#jobs?.abort(message.job, new SoftTimeLimitExceeded(message.seconds));
      case 'stop':
        void this.#stop();
    }
  }

  async #boot(boot: Boot): Promise<void> {
    this.#logLevel = boot.logLevel;
    try {
      const app = findApp((await import(boot.module)) as Record<string, unknown>, boot.exportName);
      if (app === undefined) throw new Error(`${boot.module} exports no Celery app of this copy of tq-bridge`);
      for (const url of boot.include) await import(url);
      app.configure(boot.overrides);
      app.setLogger(this.logger);
      this.#app = app;
      this.#jobs = new ChildJobs({ app, hostname: boot.hostname, send: this.#send, memory: boot.reportMemory ? memory : () => 0 });
      await app.signals.sendAndWait('worker_process_init', { pid: process.pid });
      this.#send({ type: 'ready' });
    } catch (error) {
      this.#send({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) });
      this.#leave();
    }
  }

  async #stop(): Promise<void> {
    await this.#app?.signals.sendAndWait('worker_process_shutdown', { pid: process.pid, exitCode: 0 });
    await this.#app?.close();
    this.#leave();
  }

  /** Lines are the parent's to write: one log, in order. */
  #makeLogger(): Logger {
    const write =
      (level: LogLevel) =>
      (text: string, fields?: Readonly<Record<string, unknown>>): void => {
        if (this.logger.isEnabled(level)) this.#send({ type: 'log', level, text, fields: fields && crossing(fields) });
      };
    return {
      debug: write('debug'),
      info: write('info'),
      warning: write('warning'),
      error: write('error'),
      critical: write('critical'),
      isEnabled: (level) => LEVELS.indexOf(level) >= LEVELS.indexOf(this.#logLevel),
    };
  }
}

/** Fields of a line as they cross: what cannot goes as its text. */
function crossing(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, canCross(value) ? value : printed(value)]));
}

function canCross(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'number') return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** Bytes: of the process, or of this thread's heap, since threads share the rest. */
function memory(): number {
  if (threadId === 0) return process.memoryUsage.rss();
  const { total_physical_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
