/** From what can be seen of a message afterwards to where it ended. */

import type { AmqpCase, Ends } from './case.ts';

/** What was seen once the probe behind the message was through, or was given up. */
export interface Traces {
  readonly crashed: boolean;
  /** The good task behind it ran. */
  readonly answered: boolean;
  readonly ran: boolean;
  /** It is in the dead-letter queue. */
  readonly dead: boolean;
  /** What the result store says about the task, `PENDING` when it says nothing. */
  readonly state: string;
}

/** Where a message ended. A task with an `eta` that left no trace is held: the runner counts those when the worker has gone. */
export function endOf({ crashed, answered, ran, dead, state }: Traces, given: Pick<AmqpCase, 'headers'>): Ends {
  if (crashed) return 'crash';
  if (!answered) return 'hung';
  if (dead) return state === 'FAILURE' ? 'refused' : 'rejected';
  if (state === 'FAILURE') return 'failed';
  if (state === 'REVOKED') return 'expired';
  if (ran) return state === 'SUCCESS' ? 'ran' : 'unstored';
  return given.headers !== undefined && 'eta' in given.headers ? 'held' : 'lost';
}
