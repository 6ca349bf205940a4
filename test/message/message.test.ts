import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentDisallowedError, DecodeError, ImproperlyConfiguredError, LimitError } from '../../src/base/errors.ts';
import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { decodeMessage } from '../../src/message/decode.ts';
import { encodeMessage } from '../../src/message/encode.ts';
import type { Message } from '../../src/message/message.ts';
import { defaultRegistry } from '../../src/message/registry.ts';

const registry = defaultRegistry();
const compressors = new CompressorRegistry();
compressors.register(zlibCompressor);
const options = {
  ...DEFAULT_LIMITS,
  registry,
  compressors,
  accept: registry.contentTypes(['json']),
  maxBodyBytes: 10_000,
  maxDecompressedBytes: 20_000,
};

function message(value: unknown, compressed = false): Message {
  const compressor = compressed ? zlibCompressor : undefined;
  return encodeMessage(value, { serializer: registry.byName('json'), compressor, headers: { id: 'a' }, properties: {} });
}

describe('decodeMessage', () => {
  test.each([false, true])('reads what encodeMessage wrote, compressed: %s', (compressed) => {
    expect(decodeMessage(message({ a: [1] }, compressed), options)).toEqual({ a: [1] });
  });

  test.each([
    'application/data',
    'application/text',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/x-python-serialize',
    '',
  ])('refuses the content type %j before it decodes', (contentType) => {
    const broken = { ...message(1), body: Uint8Array.of(0xff), contentType };
    expect(() => decodeMessage(broken, options)).toThrow(ContentDisallowedError);
  });

  test('reads a missing content type as application/data', () => {
    expect(() => decodeMessage({ ...message(1), contentType: undefined }, options)).toThrow('application/data');
  });

  test('cannot decode an accepted type that no serializer reads', () => {
    expect(() => decodeMessage({ ...message(1), contentType: 'a/b' }, { ...options, accept: new Set(['a/b']) })).toThrow(DecodeError);
  });

  test.each(['gzip', 'zlib', 'application/x-gzip'])('takes %s as the compression header', (compression) => {
    expect(decodeMessage({ ...message('x', true), headers: { compression } }, options)).toBe('x');
  });

  test.each(['unknown', 5, {}, ''])('refuses %j as the compression header', (compression) => {
    expect(() => decodeMessage({ ...message(1), headers: { compression } }, options)).toThrow(DecodeError);
  });

  test('refuses a corrupt and a cut stream', () => {
    const whole = message('x'.repeat(500), true);
    for (const body of [Uint8Array.of(1, 2, 3), whole.body.slice(0, -5), new Uint8Array(0)]) {
      expect(() => decodeMessage({ ...whole, body }, options)).toThrow(DecodeError);
    }
  });

  test('stops at both ceilings', () => {
    expect(() => decodeMessage(message('x'.repeat(30_000), true), options)).toThrow(LimitError);
    expect(() => decodeMessage(message('x'.repeat(10_000)), options)).toThrow(LimitError);
  });

  test('holds a large body against what it came from', () => {
    const roomy = { ...options, maxBodyBytes: 1e6, maxDecompressedBytes: 64e6 };
    const packed = message('x'.repeat(2 ** 20), true);
    expect(() => decodeMessage(packed, roomy)).toThrow(LimitError);
    expect(decodeMessage(packed, { ...roomy, maxDecompressedRatio: 2000 })).toHaveLength(2 ** 20);
    expect(decodeMessage(message('x'.repeat(2 ** 20 - 2), true), roomy)).toHaveLength(2 ** 20 - 2);
  });

  test('stops at the ceilings of headers and depth', () => {
    const deep = message([[[1]]]);
    expect(decodeMessage(deep, { ...options, maxDepth: 3 })).toEqual([[[1]]]);
    expect(() => decodeMessage(deep, { ...options, maxDepth: 2 })).toThrow('nested deeper than 2 levels');
    const many = { ...message(1), headers: { a: 1, b: 2 } };
    expect(() => decodeMessage(many, { ...options, maxHeaders: 1 })).toThrow('2 headers; the limit is 1');
    expect(() => decodeMessage(many, { ...options, maxHeaderBytes: 17 })).toThrow(LimitError);
  });

  test('answers any compressed bytes with a value or one of its three errors', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        try {
          decodeMessage({ ...message(1), body, headers: { compression: 'gzip' } }, options);
        } catch (error) {
          expect(error instanceof DecodeError || error instanceof LimitError).toBe(true);
        }
      }),
    );
  });
});

describe('encodeMessage', () => {
  test('labels the body', () => {
    expect(message(1)).toMatchObject({ contentType: 'application/json', contentEncoding: 'utf-8', headers: { id: 'a' } });
    expect(message(1, true).headers).toEqual({ id: 'a', compression: 'application/x-gzip' });
    expect([...message(1, true).body.subarray(0, 2)]).toEqual([0x78, 0x9c]);
  });
});

describe('registries', () => {
  test('turn names and mime types into content types', () => {
    expect(registry.contentTypes(['json', 'a/b'])).toEqual(new Set(['application/json', 'a/b']));
  });

  test('name the nearest when one is missing', () => {
    expect(() => registry.byName('jsonn')).toThrow("did you mean 'json'");
    expect(() => registry.byName('pickle')).toThrow(ImproperlyConfiguredError);
    expect(() => compressors.byName('gzipp')).toThrow("did you mean 'gzip'");
  });
});
