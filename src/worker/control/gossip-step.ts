import { Gossip } from '../../control/gossip.ts';
import type { HeardEvent } from '../../control/gossip.ts';
import { eventExchange } from '../../events/exchange.ts';
import { decodeMessage } from '../../message/decode.ts';
import type { SignatureWire } from '../../protocol/signature.ts';
import type { Queue } from '../../routing/queue.ts';
import type { Channel, Delivery } from '../../transport/transport.ts';
import type { ConsumerContext } from '../consumer.ts';
import { messageOf } from '../../base/message-of.ts';
import type { Step } from '../steps.ts';
import type { Worker } from '../worker.ts';

/** kombu's transports on which Celery gossips. */
const TRANSPORTS: ReadonlySet<string> = new Set(['amqp', 'redis']);

const CHECK_MS = 5000;
/** Longer than a request takes to reach every worker and its candidate to come back. */
const ACK_DELAY_MS = 500;
/** Heartbeats older than this tell nothing: Celery's `heartbeat_interval`. */
const MESSAGE_TTL_MS = 2000;

/** Listens to the events of other workers. `celery/worker/consumer/gossip.py`. */
export class GossipStep implements Step<ConsumerContext> {
  readonly name = 'gossip';
  #timer: NodeJS.Timeout | undefined;
  #channel: Channel | undefined;

  async start({ worker, connection }: ConsumerContext): Promise<void> {
    if (!TRANSPORTS.has(connection.kind.driverType)) return;
    const gossip = gossipOf(worker);
    const queue = gossipQueue(worker, connection.kind.driverType);
    const decoding = worker.app.eventDecoding();
    try {
      const channel = await connection.openChannel();
      this.#channel = channel;
      await channel.declareQueue(queue);
      const onDelivery = (delivery: Delivery): void => hear(worker, gossip, () => decodeMessage(delivery.message, decoding), delivery);
      await channel.consume([queue], { prefetch: 0, noAck: true, onDelivery, onCancelled: () => void channel.close() });
      this.#timer = setInterval(() => gossip.forgetSilent(), CHECK_MS).unref();
      worker.hooks.gossip = gossip;
    } catch (error) {
      // Nothing depends on it but elections.
      if (connection.isOpen) worker.logger.warning(`gossip: ${messageOf(error)}`);
      else throw error;
    }
  }

  async stop({ worker }: ConsumerContext): Promise<void> {
    this.lost({ worker });
    await this.#channel?.close();
  }

  lost({ worker }: Pick<ConsumerContext, 'worker'>): void {
    clearInterval(this.#timer);
    delete worker.hooks.gossip;
  }
}

function gossipOf(worker: Worker): Gossip {
  const { app, hostname, logger } = worker;
  return new Gossip({
    hostname,
    pid: app.host.pid,
    now: () => app.host.now(),
    send: (type, fields) => worker.hooks.events?.send(type, fields),
    later: (work) => void setTimeout(work, ACK_DELAY_MS).unref(),
    elected: (topic, action) => perform(worker, topic, action),
    log: (level, text) => logger[level](text),
  });
}

/** The action of Celery's one topic, `task`, is a signature to be sent. */
function perform({ app, logger }: Worker, topic: string, action: unknown): void {
  if (topic !== 'task') return logger.error(`Unknown election topic '${topic.slice(0, 256)}'`);
  const { task, args = [], kwargs = {}, options = {} } = (action ?? {}) as Partial<SignatureWire>;
  if (typeof task !== 'string' || !Array.isArray(args)) return logger.error('Could not call task: the action is no signature');
  app
    .sendSignature({ task, args, kwargs, options, subtask_type: null, immutable: false })
    .catch((error: unknown) => logger.error(`Could not call task: ${messageOf(error)}`));
}

function gossipQueue({ app: { settings, host } }: Worker, driverType: string): Queue {
  const { event_queue_expires: expires, event_queue_durable: durable } = settings;
  return {
    name: `${settings.event_queue_prefix}.${host.uuid()}`,
    exchange: eventExchange(settings.event_exchange, driverType),
    routingKey: 'worker.#',
    durable,
    autoDelete: !durable,
    exclusive: settings.event_queue_exclusive,
    arguments: { 'x-message-ttl': MESSAGE_TTL_MS, ...(expires === null ? undefined : { 'x-expires': expires * 1000 }) },
  };
}

function hear({ app, hostname, logger }: Worker, gossip: Gossip, decode: () => unknown, { message }: Delivery): void {
  try {
    const event = decode();
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return logger.error('gossip: an event that is no object');
    const heard = { hostname: message.headers['hostname'], ...event } as HeardEvent;
    const { clock } = heard as { readonly clock?: unknown };
    if (heard['hostname'] === hostname) app.clock.forward();
    else app.clock.adjust(clock);
    gossip.hear(heard);
  } catch (error) {
    logger.error(`gossip: an event could not be read: ${messageOf(error)}`);
  }
}
