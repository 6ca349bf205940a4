import { signalNumber } from '../../driver/signal-number.ts';
import { encodeException } from '../../protocol/failure.ts';
import { TimeLimitExceeded } from '../limits.ts';
import type { Ending } from '../trace.ts';
import type { Exit } from './child.ts';

/**
 * The ending of a task whose child is gone, worded as billiard words it: a signal with the number of the job, an exit
 * without (`celery/worker/request.py _worker_lost_info`).
 */
export function lostEnding(exit: Exit, job: number): Ending & { readonly kind: 'failure' } {
  const status = exit.signal === null ? `exitcode ${exit.code ?? 0}.` : `signal ${signalNumber(exit.signal)} (${exit.signal}) Job: ${job}.`;
  const text = `Worker exited prematurely: ${status}${exit.outOfMemory ? ' JavaScript heap out of memory.' : ''}`;
  const exception = { exc_type: 'WorkerLostError', exc_message: [text], exc_module: 'billiard.exceptions' };
  const traceback = `Traceback (most recent call last):\nbilliard.exceptions.WorkerLostError: ${text}\n`;
  return { kind: 'failure', exception, traceback, cause: 'lost' };
}

/** The ending of a task that was ended at its hard time limit: Python stores no traceback. */
export function overdueEnding(seconds: number): Ending & { readonly kind: 'failure' } {
  return { kind: 'failure', exception: encodeException(new TimeLimitExceeded(seconds)), traceback: undefined, cause: 'timeout' };
}

/** The ending of a task that its stopping pool leaves. The failure is one that Python can read: its own WorkerShutdown would end the client that waits. */
export function abandonedEnding(): Ending {
  const text = 'The worker was stopped before the task ended.';
  const exception = { exc_type: 'WorkerLostError', exc_message: [text], exc_module: 'billiard.exceptions' };
  const traceback = `Traceback (most recent call last):\nbilliard.exceptions.WorkerLostError: ${text}\n`;
  return { kind: 'abandoned', exception, traceback };
}
