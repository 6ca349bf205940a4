import type { Logger } from './logger.ts';
import { messageOf } from './message-of.ts';

/** Lets work go on in the background: its failure becomes one log line, never an unhandled rejection. */
export function supervise(work: Promise<unknown>, logger: Logger, what: string): void {
  work.catch((error: unknown) => logger.error(`${what}: ${messageOf(error)}`));
}
