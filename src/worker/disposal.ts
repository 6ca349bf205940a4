import { ContentDisallowedError, DecodeError, LimitError, SecurityError } from '../base/errors.ts';
import type { ExceptionWire } from '../protocol/result.ts';
import { messageOf } from '../base/message-of.ts';

/** How a message that can never run is disposed of: one line, and a failure to be stored when it has a usable id. */
export interface Disposal {
  /** Celery's: unknown is a warning, unreadable critical. */
  readonly level: 'warning' | 'error' | 'critical';
  /** Reads as "messages that …"; so many lines of one kind are written a second. */
  readonly kind: string;
  readonly log: string;
  readonly id: string | undefined;
  readonly failure: ExceptionWire | undefined;
}

/** What to do with a message whose reading ended in this error. `where` describes it for people. */
export function disposalOf(error: unknown, id: string | undefined, where: string): Disposal {
  const message = messageOf(error);
  if (error instanceof ContentDisallowedError) {
    const failure = celeryFailure('ContentDisallowed', message, 'kombu.exceptions');
    return { level: 'error', kind: 'are of a refused content type', log: `${message} ${where}`, id, failure };
  }
  if (error instanceof DecodeError || error instanceof LimitError || error instanceof SecurityError) {
    const failure = celeryFailure('DecodeError', message, 'kombu.exceptions');
    return { level: 'critical', kind: 'cannot be decoded', log: `Can't decode message body: ${message} ${where}`, id, failure };
  }
  const failure = celeryFailure('InvalidTaskError', message, 'celery.exceptions');
  return { level: 'error', kind: 'could not be handled', log: `Could not handle a message: ${message} ${where}`, id, failure };
}

function celeryFailure(type: string, message: string, module: string): ExceptionWire {
  return { exc_type: type, exc_message: [message], exc_module: module };
}
