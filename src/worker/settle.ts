import type { Logger } from '../base/logger.ts';
import type { Delivery } from '../transport/transport.ts';
import { messageOf } from '../base/message-of.ts';
import { clip } from './log-lines.ts';

/** Settles a delivery; where its channel is gone the broker has it back already, and that is said. */
export function settle(
  delivery: Delivery,
  effect: { readonly kind: 'ack' } | { readonly kind: 'reject'; readonly requeue: boolean },
  logger: Logger,
  id?: string,
): void {
  const settled = effect.kind === 'ack' ? delivery.ack() : delivery.reject({ requeue: effect.requeue });
  settled.catch((error: unknown) => {
    const done = effect.kind === 'ack' ? 'acked' : 'rejected';
    const which = id === undefined ? 'A message' : `The message of task ${clip(id)}`;
    logger.warning(`${which} could not be ${done} and will be delivered again: ${messageOf(error)}`);
  });
}
