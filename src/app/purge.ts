import { ChannelError } from '../base/errors.ts';
import type { Connection, QueueCounts } from '../transport/transport.ts';

/** Throws away what waits in each queue; a queue that does not exist has nothing. Rejects with `ConnectionError`. */
export async function purgeQueues(connection: Connection, queues: readonly string[]): Promise<Map<string, number>> {
  const purged = new Map<string, number>();
  for (const queue of queues) purged.set(queue, (await ofQueue(connection, (channel) => channel.purge(queue))) ?? 0);
  return purged;
}

/** What waits in each queue and how many consume it; `undefined` where there is no such queue. Rejects with `ConnectionError`. */
export async function queueCounts(connection: Connection, queues: readonly string[]): Promise<Map<string, QueueCounts | undefined>> {
  const counts = new Map<string, QueueCounts | undefined>();
  for (const queue of queues) counts.set(queue, await ofQueue(connection, (channel) => channel.counts(queue)));
  return counts;
}

type OpenChannel = Awaited<ReturnType<Connection['openChannel']>>;

/** A channel for each: AMQP ends it over a queue that does not exist. */
async function ofQueue<T>(connection: Connection, ask: (channel: OpenChannel) => Promise<T>): Promise<T | undefined> {
  const channel = await connection.openChannel();
  try {
    return await ask(channel);
  } catch (error) {
    if (error instanceof ChannelError) return undefined;
    throw error;
  } finally {
    await channel.close();
  }
}
