import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContentDisallowedError, DecodeError, ImproperlyConfiguredError, LimitError } from '../../src/base/errors.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { decodeMessage } from '../../src/message/decode.ts';
import { encodeMessage } from '../../src/message/encode.ts';
import type { Message } from '../../src/message/message.ts';
import { defaultRegistry } from '../../src/message/registry.ts';

const registry = defaultRegistry();
const compressors = new CompressorRegistry();
compressors.register(zlibCompressor);
const options = { registry, compressors, accept: registry.contentTypes(['json']), maxBodyBytes: 10_000, maxDecompressedBytes: 20_000 };

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
