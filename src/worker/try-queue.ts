import type { Queue } from '../routing/queue.ts';
import type { Connection } from '../transport/transport.ts';

/**
 * Declares a queue and consumes it for a moment, on a channel of its own that a broker may close without harm. A message that
 * comes meanwhile goes back, marked as redelivered. Rejects with `ChannelError` when the broker refuses.
 */
export async function tryQueue(connection: Connection, queue: Queue): Promise<void> {
  const channel = await connection.openChannel();
  try {
    await channel.declareQueue(queue);
    // A queue that goes with its last consumer would be gone after a trial.
    if (queue.autoDelete) return;
    const unheard = (): void => undefined;
    await channel.consume([queue], { prefetch: 1, noAck: false, onDelivery: unheard, onCancelled: unheard });
  } finally {
    await channel.close();
  }
}
