/** A peer that speaks just enough AMQP to misbehave: it answers each method it is sent with scripted bytes. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** `class.method` as one number, as on the wire. */
export const method = (classId: number, methodId: number): number => (classId << 16) + methodId;

/** One method frame. */
export function methodFrame(channel: number, id: number, args: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(1, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(args.length + 4, 3);
  head.writeUInt32BE(id, 7);
  return Buffer.concat([head, args, Buffer.from([0xce])]);
}

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
const longText = (text: string): Buffer => Buffer.concat([u32(text.length), Buffer.from(text)]);

const START = methodFrame(0, method(10, 10), Buffer.concat([Buffer.from([0, 9]), u32(0), longText('PLAIN'), longText('en_US')]));
const TUNE = methodFrame(0, method(10, 30), Buffer.concat([u16(0), u32(131_072), u16(0)]));
export const OPEN_OK: Buffer = methodFrame(0, method(10, 41), Buffer.from([0]));
const CHANNEL_OPEN_OK: Buffer = methodFrame(1, method(20, 11), u32(0));
export const CONFIRM_SELECT_OK: Buffer = methodFrame(1, method(85, 11));
/** connection.close 501. */
export const CLOSE: Buffer = methodFrame(
  0,
  method(10, 50),
  Buffer.concat([u16(501), Buffer.from([3]), Buffer.from('bad'), u16(0), u16(0)]),
);

/** channel.close 403 of channel 1. */
export const CHANNEL_CLOSE: Buffer = methodFrame(
  1,
  method(20, 40),
  Buffer.concat([u16(403), Buffer.from([3]), Buffer.from('bad'), u16(0), u16(0)]),
);

/** A scripted server. */
export interface ScriptedAmqp extends AsyncDisposable {
  readonly url: string;
  /** Resolves when it was sent this method that often. */
  received(id: number, times: number): Promise<void>;
}

/** A server that answers the method with id `n` by `answers[n]`; the handshake works unless it is scripted too. */
export async function scriptedAmqp(answers: Readonly<Record<number, Buffer>>): Promise<ScriptedAmqp> {
  const counts = new Map<number, number>();
  let wake: (() => void) | undefined;
  const script: Readonly<Record<number, Buffer>> = {
    [method(10, 11)]: TUNE,
    [method(10, 40)]: OPEN_OK,
    [method(20, 10)]: CHANNEL_OPEN_OK,
    [method(85, 10)]: CONFIRM_SELECT_OK,
    ...answers,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (rest.subarray(0, 4).toString('latin1') === 'AMQP' && rest.length >= 8) {
        rest = rest.subarray(8);
        socket.write(START);
      }
      while (rest.length >= 7 && rest.length >= rest.readUInt32BE(3) + 8) {
        const id = rest.readUInt8(0) === 1 ? rest.readUInt32BE(7) : 0;
        const answer = script[id];
        counts.set(id, (counts.get(id) ?? 0) + 1);
        wake?.();
        rest = rest.subarray(rest.readUInt32BE(3) + 8);
        if (answer !== undefined) socket.write(answer);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `amqp://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}//`,
    received: async (id, times) => {
      while ((counts.get(id) ?? 0) < times) await new Promise<void>((resolve) => (wake = resolve));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
