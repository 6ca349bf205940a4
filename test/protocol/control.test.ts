import { describe, expect, test } from 'vitest';
import { decodeControlReply, decodeControlRequest, encodeControlRequest } from '../../src/protocol/control.ts';

const request = {
  method: 'ping',
  arguments: { a: 1 },
  destination: ['w1@x'],
  pattern: undefined,
  matcher: undefined,
  ticket: 't',
  replyTo: { exchange: 'reply.celery.pidbox', routingKey: 'oid' },
};

describe('control requests', () => {
  test('are written as kombu writes them, and read back', () => {
    const body = encodeControlRequest(request);

    expect(body).toEqual({
      method: 'ping',
      arguments: { a: 1 },
      destination: ['w1@x'],
      pattern: null,
      matcher: null,
      ticket: 't',
      reply_to: { exchange: 'reply.celery.pidbox', routing_key: 'oid' },
    });
    expect(decodeControlRequest(body)).toEqual({ kind: 'request', request });
  });

  test('without an answer have neither ticket nor address', () => {
    expect(encodeControlRequest({ ...request, ticket: undefined, replyTo: undefined })).not.toHaveProperty('reply_to');
  });

  test.each([
    null,
    [],
    'x',
    5,
    {},
    { method: 5 },
    { method: 'ping', destination: 5 },
    { method: 'ping', destination: {} },
    { method: 'ping', reply_to: 5 },
    { method: 'ping', reply_to: { exchange: 'x' } },
    { method: 'ping', pattern: 5, matcher: 'glob' },
    { method: 'ping', pattern: 'x', matcher: [] },
  ])('%o is none', (body) => {
    expect(decodeControlRequest(body)).toMatchObject({ kind: 'invalid', reason: expect.any(String) });
  });

  test.each([[[]], [null], [''], [{}], [undefined]])('arguments of %o are none', (args) => {
    expect(decodeControlRequest({ method: 'ping', arguments: args })).toMatchObject({ request: { arguments: {} } });
  });

  test('arguments that are no object cannot be called with', () => {
    expect(decodeControlRequest({ method: 'ping', arguments: [1] })).toMatchObject({ request: { arguments: undefined } });
  });

  test.each([null, [], '', 0, false, undefined])('a destination of %o is everybody', (destination) => {
    expect(decodeControlRequest({ method: 'ping', destination })).toMatchObject({ request: { destination: undefined } });
  });

  test('an answer that is no object is none', () => {
    expect([['x'], null, 5, 'x'].map(decodeControlReply)).toEqual([undefined, undefined, undefined, undefined]);
    expect(decodeControlReply({ w: 1 })).toEqual({ w: 1 });
  });
});
