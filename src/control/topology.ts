import type { Exchange, Queue } from '../routing/queue.ts';

/** Celery's settings of the control queues, times in seconds. */
export interface MailboxSettings {
  /** `control_exchange`: the name before `.pidbox`. */
  readonly namespace: string;
  readonly ttl: number | null;
  readonly expires: number | null;
  /** Celery 5.7 declares control queues exclusive, 5.6 does not. */
  readonly exclusive: boolean;
  readonly durable: boolean;
}

/** Every request goes here, to every node. */
export function controlExchange({ namespace }: MailboxSettings): Exchange {
  return { name: `${namespace}.pidbox`, type: 'fanout', durable: false, autoDelete: false };
}

/** Every answer goes here, keyed by who asked. */
export function replyExchange({ namespace }: MailboxSettings): Exchange {
  return { name: `reply.${namespace}.pidbox`, type: 'direct', durable: false, autoDelete: false };
}

/** The mailbox of a node. `kombu/pidbox.py Mailbox.get_queue`. */
export function nodeQueue(nodeName: string, settings: MailboxSettings): Queue {
  return mailboxQueue(`${nodeName}.${settings.namespace}.pidbox`, controlExchange(settings), '', settings);
}

/** Where the answers to one client arrive. `kombu/pidbox.py Mailbox.get_reply_queue`. */
export function replyQueue(oid: string, settings: MailboxSettings): Queue {
  const exchange = replyExchange(settings);
  return mailboxQueue(`${oid}.${exchange.name}`, exchange, oid, settings);
}

function mailboxQueue(name: string, exchange: Exchange, routingKey: string, { ttl, expires, exclusive, durable }: MailboxSettings): Queue {
  return {
    name,
    exchange,
    routingKey,
    durable,
    autoDelete: !durable,
    exclusive,
    arguments: {
      ...(expires === null ? undefined : { 'x-expires': Math.round(expires * 1000) }),
      ...(ttl === null ? undefined : { 'x-message-ttl': Math.round(ttl * 1000) }),
    },
  };
}
