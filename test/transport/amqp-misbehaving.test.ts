import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseBrokerUrl } from '../../src/base/broker-url.ts';
import { ConnectionError } from '../../src/base/errors.ts';
import { amqpTransport } from '../../src/transport/amqp/transport.ts';
import type { Connection } from '../../src/transport/transport.ts';
import { transportOptions } from '../conformance/transport.ts';
import { CLOSE, CONFIRM_SELECT_OK, OPEN_OK, method, scriptedAmqp } from '../servers/amqp-script.ts';

const connect = (url: string, connectTimeoutMs = 500): Promise<Connection> =>
  amqpTransport.connect(parseBrokerUrl(url), { ...transportOptions(), connectTimeoutMs });

/** A port where whoever connects is sent `bytes`, again and again. */
async function chatter(bytes: string, everyMs: number): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    const timer = setInterval(() => socket.write(bytes), everyMs);
    socket
      .on('error', () => undefined)
      .on('close', () => clearInterval(timer))
      .resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `amqp://guest:s3cret@127.0.0.1:${(server.address() as AddressInfo).port}//`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('amqp transport against a peer that misbehaves', () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  beforeAll(() => void process.on('uncaughtException', note));
  afterAll(() => void process.off('uncaughtException', note));

  test('a server that accepts and never answers is a ConnectionError in time', async () => {
    await using silent = await chatter('', 1e6);

    await expect(connect(silent.url)).rejects.toBeInstanceOf(ConnectionError);
  });

  test('a server that keeps sending too little to mean anything is given up in time too', async () => {
    await using drip = await chatter('\0', 200);

    await expect(connect(drip.url)).rejects.toThrow('no answer within 0.5 s');
  });

  test('a connection closed in the same breath as it is opened does not crash the process', async () => {
    await using server = await scriptedAmqp({ [method(10, 40)]: Buffer.concat([OPEN_OK, CLOSE]) });

    await expect(connect(server.url)).rejects.toBeInstanceOf(ConnectionError);
    expect(uncaught).toEqual([]);
  });

  test('a connection closed in the same breath as a channel opens gives no dead channel', async () => {
    await using server = await scriptedAmqp({ [method(85, 10)]: Buffer.concat([CONFIRM_SELECT_OK, CLOSE]) });
    const connection = await connect(server.url);

    await expect(connection.openChannel()).rejects.toThrow('501');
    expect(await connection.closed).toBeInstanceOf(ConnectionError);
  });
});
