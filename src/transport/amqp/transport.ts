import type { BrokerUrl } from '../../base/broker-url.ts';
import { ConnectionError, ImproperlyConfiguredError } from '../../base/errors.ts';
import { connectAmqp } from '../../driver/amqp.ts';
import type { ChannelModel } from '../../driver/amqp.ts';
import { tlsOptions } from '../../driver/tls-options.ts';
import type { Transport, TransportOptions } from '../transport.ts';
import { AmqpConnection } from './connection.ts';

/** RabbitMQ, through amqplib. `connect` also rejects with `ImproperlyConfiguredError` for bad TLS options. Publisher confirms are always on: a publish that resolved is with the broker. */
export const amqpTransport: Transport = {
  driverType: 'amqp',
  supports: { priority: true, fanout: true, heartbeat: true },
  connect: async (url, options) => new AmqpConnection(await open(url, options), options.logger, amqpTransport),
};

async function open(url: BrokerUrl, options: TransportOptions): Promise<ChannelModel> {
  const tls = url.scheme === 'amqps';
  try {
    return await connectAmqp({
      tls,
      hostname: url.hostname ?? 'localhost',
      port: url.port ?? (tls ? 5671 : 5672),
      username: url.username ?? 'guest',
      password: url.password ?? 'guest',
      vhost: url.virtualHost === '' ? '/' : url.virtualHost,
      heartbeatSeconds: Math.round(options.heartbeatMs / 1000),
      connectTimeoutMs: options.connectTimeoutMs,
      tlsOptions: tls ? await tlsOptions(sslSetting(options)) : {},
    });
  } catch (error) {
    // No broker will like it better next time.
    if (error instanceof ImproperlyConfiguredError) throw error;
    throw new ConnectionError(`Cannot connect to ${url.masked}: ${reason(error, url)}`, { cause: error });
  }
}

/** Celery's `broker_use_ssl` arrives as `transportOptions.ssl`. */
function sslSetting({ transportOptions }: TransportOptions): Readonly<Record<string, unknown>> {
  const { ssl } = transportOptions as { readonly ssl?: unknown };
  return typeof ssl === 'object' && ssl !== null ? (ssl as Readonly<Record<string, unknown>>) : {};
}

function reason(error: unknown, { virtualHost }: BrokerUrl): string {
  if (!(error instanceof Error)) return String(error);
  // amqplib drops the broker's own words when it closes here.
  if (error.message.startsWith('Expected ConnectionOpenOk'))
    return `the virtual host '${virtualHost === '' ? '/' : virtualHost}' does not exist, or this user may not enter it`;
  if (error.message !== '') return error.message.replace(/\s+/g, ' ').slice(0, 300);
  // Node reports several failed addresses as an AggregateError without a message.
  return 'code' in error ? String(error.code) : error.name;
}
