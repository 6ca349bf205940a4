import { ChannelError } from '../base/errors.ts';
import type { Connection } from '../transport/transport.ts';

/** Throws away what waits in each queue; a queue that does not exist has nothing. Rejects with `ConnectionError`. */
export async function purgeQueues(connection: Connection, queues: readonly string[]): Promise<Map<string, number>> {
  const purged = new Map<string, number>();
  for (const queue of queues) purged.set(queue, (await ofQueue(connection, (channel) => channel.purge(queue))) ?? 0);
  return purged;
}

/** How many messages wait in each queue; `undefined` where there is no such queue. Rejects with `ConnectionError`. */
export async function queueSizes(connection: Connection, queues: readonly string[]): Promise<Map<string, number | undefined>> {
  const sizes = new Map<string, number | undefined>();
  for (const queue of queues) sizes.set(queue, await ofQueue(connection, (channel) => channel.size(queue)));
  return sizes;
}

type OpenChannel = Awaited<ReturnType<Connection['openChannel']>>;

/** A channel for each: AMQP ends it over a queue that does not exist. */
async function ofQueue(connection: Connection, ask: (channel: OpenChannel) => Promise<number>): Promise<number | undefined> {
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
