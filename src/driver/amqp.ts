import type * as Amqp from 'amqplib';
import type { ChannelModel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readFields } from './amqp-fields.ts';

export type { ChannelModel, ConfirmChannel, ConsumeMessage, Options };

type Amqplib = typeof Amqp;

/** Where and how to log in. `heartbeatSeconds` 0 switches heartbeats off. */
export interface AmqpLogin {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  /** Passed to `tls.connect`. */
  readonly tlsOptions: Readonly<Record<string, unknown>>;
}

/** Opens one AMQP connection with amqplib. Rejects with its error. */
export async function connectAmqp(login: AmqpLogin): Promise<ChannelModel> {
  const amqplib = await loadAmqplib();
  const socketOptions = {
    timeout: login.connectTimeoutMs,
    noDelay: true,
    clientProperties: { product: 'tq-bridge', connection_name: `tq-bridge ${process.pid}` },
    ...(login.tls ? { servername: login.hostname, ...login.tlsOptions } : undefined),
  };
  return amqplib.connect(
    {
      protocol: login.tls ? 'amqps' : 'amqp',
      hostname: login.hostname,
      port: login.port,
      username: login.username,
      password: login.password,
      vhost: login.vhost,
      heartbeat: login.heartbeatSeconds,
    },
    socketOptions,
  );
}

/** Loads amqplib with our field-table reader in the place of its own; that must happen before its other files load. */
async function loadAmqplib(): Promise<Amqplib> {
  const require = createRequire(import.meta.url);
  const codec = require(join(dirname(require.resolve('amqplib')), 'lib/codec.js')) as { decodeFields: (bytes: Buffer) => unknown };
  codec.decodeFields = readFields;
  return import('amqplib');
}

/** Cuts the socket of a connection whose broker no longer answers. With an error: amqplib does not hear of a socket closed without one. */
export function destroySocket(model: ChannelModel): void {
  const { stream } = (model as unknown as { connection: { stream?: { destroy(error: Error): void } } }).connection;
  stream?.destroy(new Error('the broker does not answer'));
}
