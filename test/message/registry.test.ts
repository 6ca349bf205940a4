import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { Celery as Built } from 'tq-bridge';
import { describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { utf8Encode } from '../../src/base/bytes.ts';
import { ContentDisallowedError, DecodeError, EncodeError, ImproperlyConfiguredError } from '../../src/base/errors.ts';
import { DateTime } from '../../src/base/values.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { decodeMessage } from '../../src/message/decode.ts';
import { encodeMessage } from '../../src/message/encode.ts';
import type { Message } from '../../src/message/message.ts';
import { defaultRegistry } from '../../src/message/registry.ts';
import type { SerializerRegistry } from '../../src/message/registry.ts';
import type { Serializer } from '../../src/message/serializer.ts';

const labels = { compressor: undefined, headers: {}, properties: {} };

function decode(message: Message, registry: SerializerRegistry, accept: readonly string[]): unknown {
  const limits = { ...DEFAULT_LIMITS, maxBodyBytes: 1000, maxDecompressedBytes: 1000 };
  return decodeMessage(message, { registry, compressors: new CompressorRegistry(), accept: registry.contentTypes(accept), ...limits });
}

const shout: Serializer = {
  name: 'shout',
  contentType: 'text/x-shout',
  contentEncoding: 'utf-8',
  encode: (value) => utf8Encode(String(value).toUpperCase()),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
};

describe('a serializer of the user', () => {
  test('is named and accepted like the others', () => {
    const registry = defaultRegistry();
    registry.register(shout);
    const message = encodeMessage('"a"', { serializer: registry.byName('shout'), ...labels });
    expect(message).toMatchObject({ contentType: 'text/x-shout', contentEncoding: 'utf-8' });
    expect(decode(message, registry, ['shout'])).toBe('A');
    expect(decode(message, registry, ['text/x-shout'])).toBe('A');
    expect(() => decode(message, registry, ['json'])).toThrow(ContentDisallowedError);
    expect(registry.names()).toEqual(['json', 'raw', 'shout']);
  });

  test('throws the two errors of a serializer, whatever it throws itself', () => {
    const registry = defaultRegistry();
    registry.register({ ...shout, encode: () => { throw new RangeError('no'); } }); // prettier-ignore
    expect(() => registry.byName('shout').encode(1)).toThrow(EncodeError);
    expect(() => registry.byName('shout').decode(utf8Encode('{'))).toThrow(DecodeError);
  });

  test('must give bytes', () => {
    const registry = defaultRegistry();
    registry.register({ ...shout, encode: () => 'text' as unknown as Uint8Array });
    expect(() => registry.byName('shout').encode(1)).toThrow('shout: a serializer gives a Uint8Array, not a string');
  });

  test.each([
    { name: 'pickle' },
    { contentType: 'application/x-python-serialize' },
    { alsoReads: ['application/x-python-serialize'] },
    { name: 'a/b' },
    { name: '' },
    { contentType: 'shout' },
  ])('is refused with %o', (wrong) => {
    expect(() => defaultRegistry().register({ ...shout, ...wrong })).toThrow(ImproperlyConfiguredError);
  });
});

describe('the built package', () => {
  test.each(['json', 'msgpack', 'yaml'])('has %s', (name) => {
    const serializer = new Built('t').serializers.byName(name);
    expect(serializer.decode(serializer.encode([{ a: 1 }, 'yes']))).toEqual([{ a: 1 }, 'yes']);
  });
});

describe('raw', () => {
  const registry = defaultRegistry();
  const raw = { serializer: registry.byName('raw'), ...labels };

  test('carries bytes and text as they are, and says which', () => {
    const bytes = encodeMessage(Uint8Array.of(255, 0), raw);
    expect(bytes).toMatchObject({ contentType: 'application/data', contentEncoding: 'binary' });
    expect(decode(bytes, registry, ['raw'])).toEqual(Uint8Array.of(255, 0));
    const text = encodeMessage('zażółć', raw);
    expect(text).toMatchObject({ contentType: 'application/data', contentEncoding: 'utf-8' });
    expect(decode(text, registry, ['application/data'])).toBe('zażółć');
    expect(() => encodeMessage([1], raw)).toThrow(EncodeError);
  });

  test.each(['text/plain', 'application/text', 'application/data'])('reads %s when that is accepted, and not before', (contentType) => {
    const message: Message = { body: utf8Encode('a'), contentType, contentEncoding: undefined, headers: {}, properties: {} };
    expect(decode(message, registry, [contentType])).toBe('a');
    expect(() => decode(message, registry, ['json'])).toThrow(ContentDisallowedError);
    expect(() => decode({ ...message, contentEncoding: 'utf-16' }, registry, [contentType])).toThrow(DecodeError);
    expect(() => decode({ ...message, body: Uint8Array.of(255) }, registry, [contentType])).toThrow(DecodeError);
  });
});

describe('pickle', () => {
  test.each([
    { task_serializer: 'pickle' },
    { result_serializer: 'pickle' },
    { accept_content: ['json', 'pickle'] },
    { result_accept_content: ['application/x-python-serialize'] },
  ])('is refused in %o, and the error says why', (settings) => {
    expect(() => new Celery('t', settings)).toThrow('unpickling runs whatever code a message names');
  });

  test('is not accepted under its mime type either', () => {
    expect(() => defaultRegistry().contentTypes(['application/x-python-serialize'])).toThrow(ImproperlyConfiguredError);
  });
});

class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  toJSON(): string {
    return 'a point';
  }
}

describe('a JSON type of the user', () => {
  const write = (app: Celery, value: unknown): string => new TextDecoder().decode(app.serializers.byName('json').encode(value));
  const read = (app: Celery, text: string): unknown => app.serializers.byName('json').decode(utf8Encode(text));
  const withPoints = (): Celery => {
    const app = new Celery('t');
    app.registerJsonType(
      Point,
      'point',
      ({ x, y }) => [x, y],
      ([x = 0, y = 0]) => new Point(x, y),
    );
    return app;
  };

  test('travels in an envelope, wins over toJSON, and belongs to its app', () => {
    const app = withPoints();
    const text = '{"at":[{"__type__":"point","__value__":[1,2]}]}';
    expect(write(app, { at: [new Point(1, 2)] })).toBe(text);
    expect(read(app, text)).toStrictEqual({ at: [new Point(1, 2)] });
    expect(write(new Celery('u'), [new Point(1, 2)])).toBe('["a point"]');
    expect(() => read(new Celery('u'), text)).toThrow(DecodeError);
  });

  test('may hold typed values, and other types', () => {
    const app = withPoints();
    app.registerJsonType(
      URL,
      'url',
      ({ href }) => href,
      (href) => new URL(href),
    );
    app.registerJsonType(
      Map,
      'map',
      (map) => [...map],
      (pairs) => new Map(pairs),
    );
    const value = new Map<unknown, unknown>([
      [new URL('http://a/'), DateTime.fromIso('2026-01-02T03:04:05')],
      ['big', 2n ** 64n],
    ]);
    expect(read(app, write(app, value))).toStrictEqual(value);
  });

  test('without a marker is sent as what it becomes, and stays that', () => {
    const app = new Celery('t');
    app.registerJsonType(Point, null, ({ x, y }) => ({ x, y }));
    expect(read(app, write(app, [new Point(1, 2)]))).toEqual([{ x: 1, y: 2 }]);
  });

  test('may stand in for one of Celery’s own, and be registered again', () => {
    const app = withPoints();
    app.registerJsonType(
      Point,
      'point',
      ({ x }) => x,
      (x) => new Point(x, 0),
    );
    expect(write(app, new Point(1, 2))).toBe('{"__type__":"point","__value__":1}');
    app.registerJsonType(
      Date,
      'datetime',
      (date) => date.getTime(),
      (ms) => new Date(ms),
    );
    expect(read(app, write(app, new Date(5)))).toStrictEqual(new Date(5));
  });

  test('that throws is an EncodeError with the path, or a DecodeError', () => {
    const app = new Celery('t');
    const fail = (): never => {
      throw new RangeError('nothing doing');
    };
    app.registerJsonType(Point, 'point', fail, fail);
    expect(() => write(app, { at: new Point(1, 2) })).toThrow('$.at: nothing doing');
    expect(() => write(app, { at: new Point(1, 2) })).toThrow(EncodeError);
    expect(() => read(app, '{"__type__":"point","__value__":1}')).toThrow(DecodeError);
  });

  test.each([
    ['no class', 5, 'm', String],
    ['an empty marker', Point, '', String],
    ['no function', Point, 'm', 5],
  ])('is refused with %s', (_what, type, marker, encode) => {
    expect(() => new Celery('t').registerJsonType(type as typeof Point, marker, encode as () => unknown)).toThrow(TypeError);
  });
});
