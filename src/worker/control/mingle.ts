import { ControlClient } from '../../control/client.ts';
import type { ConsumerContext } from '../consumer.ts';
import { messageOf } from '../../base/message-of.ts';
import type { Step } from '../steps.ts';
import type { Worker } from '../worker.ts';
import { revokedIds } from './inspect-commands.ts';

/** kombu's transports on which Celery mingles. */
const TRANSPORTS: ReadonlySet<string> = new Set(['amqp', 'redis', 'gcpubsub']);

/** As long as Celery waits for its neighbours, in seconds. */
const WAIT = 1;

/**
 * Asks the workers there are what they have revoked and what time it is, before any task is taken; and tells them what this
 * one has. A neighbour that answers nonsense, or none at all, keeps nobody from starting. `celery/worker/consumer/mingle.py`.
 */
export class Mingle implements Step<ConsumerContext> {
  readonly name = 'mingle';

  async start({ worker, connection }: ConsumerContext): Promise<void> {
    if (!TRANSPORTS.has(connection.kind.driverType)) return;
    const { app, logger, hostname, state } = worker;
    logger.info('mingle: searching for neighbors');
    const { host } = app;
    const openChannel = () => connection.openChannel();
    const client = new ControlClient({ post: app.controlPost(), uuid: () => host.uuid(), now: () => host.now(), openChannel });
    try {
      const args = { from_node: hostname, revoked: state.revoked.ids.ids() };
      const replies = await client.call('hello', { arguments: args, timeout: WAIT });
      const others = replies.flatMap((reply) => Object.entries(reply)).filter(([node]) => node !== hostname);
      if (others.length === 0) return logger.info('mingle: all alone');
      logger.info(`mingle: sync with ${others.length} nodes`);
      for (const [, answer] of others) learn(worker, answer);
      logger.info('mingle: sync complete');
    } catch (error) {
      logger.warning(`mingle: ${messageOf(error)}`);
    } finally {
      await client.close();
    }
  }
}

function learn({ app, state }: Worker, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) return;
  const { clock, revoked } = answer as { readonly clock?: unknown; readonly revoked?: unknown };
  app.clock.adjust(clock);
  state.revoked.ids.add(revokedIds(revoked));
}
