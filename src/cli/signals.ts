import type { Logger } from '../base/logger.ts';
import { EXIT } from './exit-codes.ts';
import { note, reportError } from './print.ts';

/** What a signal can do to a worker. */
export interface Stoppable {
  start(): Promise<void>;
  /** Warm shutdown: finish what runs, return the rest. */
  stop(): Promise<void>;
  readonly done: Promise<void>;
}

/**
 * Starts a worker and resolves to the exit code once a signal has ended it: TERM 0, INT 1, as Celery's.
 * A second INT, or QUIT, is a cold shutdown: running tasks are abandoned and the broker gets their late-acked messages back.
 */
export async function runUntilSignal(worker: Stoppable, logger: Logger): Promise<number> {
  let exitCode: number = EXIT.ok;
  let interrupts = 0;
  const warm = (why: string): void => {
    logger.info(`worker: Warm shutdown (${why})`);
    worker.stop().catch((error: unknown) => {
      exitCode = reportError(error, false);
    });
  };
  const onTerm = (): void => warm('SIGTERM');
  const onInt = (): void => {
    interrupts += 1;
    if (interrupts > 1) cold(EXIT.failure);
    exitCode = EXIT.failure;
    note('worker: press Ctrl+C again to abandon running tasks');
    warm('SIGINT');
  };
  const onQuit = (): void => cold(EXIT.ok);
  process.on('SIGTERM', onTerm).on('SIGINT', onInt).on('SIGQUIT', onQuit);
  try {
    await worker.start();
    await worker.done;
  } finally {
    process.off('SIGTERM', onTerm).off('SIGINT', onInt).off('SIGQUIT', onQuit);
  }
  return exitCode;

  function cold(code: number): never {
    logger.warning('worker: Cold shutdown: running tasks are abandoned');
    process.exit(code);
  }
}
