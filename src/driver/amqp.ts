import type * as Amqp from 'amqplib';
import type { ChannelModel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { readFields } from './amqp-fields.ts';

export type { ChannelModel, ConfirmChannel, ConsumeMessage, Options };

type Amqplib = typeof Amqp;

/** What amqplib keeps to itself and we must know. */
interface RawConnection extends EventEmitter {
  readonly stream: Socket;
  /** Seconds, as agreed with the broker; 0 is off. */
  readonly heartbeat: number;
  /** True from the moment the connection is gone. */
  readonly expectSocketClose: boolean;
  /** What the broker says of itself. */
  readonly serverProperties: Readonly<Record<string, unknown>>;
}

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

/** A broker that answers no goodbye keeps a socket this long. */
const LINGER_MS = 1000;

/** Looks at the link this often within one heartbeat. */
const LOOKS_A_BEAT = 8;

/** Why a connection was lost, also when that was before anybody could listen. */
const losses = new WeakMap<EventEmitter, Error>();

/** Opens one AMQP connection with amqplib. Rejects with its error, or with ours when that takes too long. */
export async function connectAmqp(login: AmqpLogin): Promise<ChannelModel> {
  const amqplib = await loadAmqplib();
  const socketOptions = {
    timeout: login.connectTimeoutMs,
    noDelay: true,
    clientProperties: { product: 'tq-bridge', connection_name: `tq-bridge ${process.pid}` },
    ...(login.tls ? login.tlsOptions : undefined),
  };
  const connecting = amqplib.connect(
    {
      protocol: login.tls ? 'amqps' : 'amqp',
      hostname: login.hostname,
      port: login.port,
      username: login.username,
      password: login.password,
      // amqplib unescapes it, also where it was not escaped.
      vhost: encodeURIComponent(login.vhost),
      heartbeat: login.heartbeatSeconds,
    },
    socketOptions,
  );
  const model = await inTime(connecting, login.connectTimeoutMs);
  const connection = raw(model);
  if (connection.expectSocketClose) throw losses.get(connection) ?? new Error('closed by the broker while it was opened');
  watchLink(model, connection);
  return model;
}

/** Loads amqplib with our field-table reader in the place of its own; that must happen before its other files load. */
async function loadAmqplib(): Promise<Amqplib> {
  const require = createRequire(import.meta.url);
  const library = dirname(require.resolve('amqplib'));
  const codec = require(join(library, 'lib/codec.js')) as { decodeFields: (bytes: Buffer) => unknown };
  if (codec.decodeFields !== readFields) {
    codec.decodeFields = readFields;
    const { Connection } = require(join(library, 'lib/connection.js')) as { Connection: { prototype: { open: OpenConnection } } };
    Connection.prototype.open = hearing(Connection.prototype.open);
  }
  return import('amqplib');
}

type OpenConnection = (this: RawConnection, ...rest: unknown[]) => void;

/** A connection that fails before its promise resolves has no listener yet: its `error` event would end the process. */
function hearing(open: OpenConnection): OpenConnection {
  return function (this: RawConnection, ...rest) {
    this.on('error', (error: Error) => losses.set(this, error));
    return open.apply(this, rest);
  };
}

/** amqplib's own time-out starts again with every byte. */
async function inTime(connecting: Promise<ChannelModel>, timeoutMs: number): Promise<ChannelModel> {
  if (timeoutMs === 0) return connecting;
  const { promise: late, reject } = Promise.withResolvers<never>();
  let given = false;
  const timer = setTimeout(() => {
    given = true;
    reject(new Error(`no answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  connecting.then(
    (model) => (given ? destroySocket(model) : undefined),
    () => undefined,
  );
  try {
    return await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Ends a link on which nothing came for two heartbeats, where amqplib waits for up to three, and frees the socket of every
 * connection that ended. Looks are counted rather than timed: a busy event loop is no silence.
 */
function watchLink(model: ChannelModel, { stream, heartbeat }: RawConnection): void {
  let seen = stream.bytesRead;
  let silentLooks = 0;
  const look = (): void => {
    silentLooks = stream.bytesRead === seen ? silentLooks + 1 : 0;
    seen = stream.bytesRead;
    if (silentLooks >= 2 * LOOKS_A_BEAT - 1) destroySocket(model, `nothing heard from the broker for two heartbeats of ${heartbeat} s`);
  };
  const timer = heartbeat === 0 ? undefined : setInterval(look, (heartbeat * 1000) / LOOKS_A_BEAT);
  model.once('close', () => {
    clearInterval(timer);
    const linger = setTimeout(() => stream.destroy(), LINGER_MS);
    stream.once('close', () => clearTimeout(linger));
  });
}

/** Cuts the socket of a connection whose broker no longer answers; the connection then ends with this reason. */
export function destroySocket(model: ChannelModel, reason = 'the broker does not answer'): void {
  // Without an error amqplib would not notice.
  raw(model).stream.destroy(new Error(reason));
}

/** What the broker calls itself; texts that it leaves out are empty. */
export function brokerProduct(model: ChannelModel): { readonly product: string; readonly version: string } {
  const { product, version } = raw(model).serverProperties;
  return { product: text(product), version: text(version) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Whether a channel has ended already: it tells nobody who was not listening then. */
export function hasEnded(channel: ConfirmChannel): boolean {
  return (channel as unknown as { readonly pending: unknown }).pending === null;
}

function raw(model: ChannelModel): RawConnection {
  return (model as unknown as { readonly connection: RawConnection }).connection;
}
