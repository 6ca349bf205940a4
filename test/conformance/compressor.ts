import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/base/errors.ts';
import type { Compressor } from '../../src/message/compression.ts';
import { golden, goldenVersions } from '../goldens.ts';

const MEBIBYTE = 1024 * 1024;

/** How a compression treats what is not exactly one stream; as Python does, asked of its own libraries. */
export interface CompressorTraits {
  /** Streams one after another are one text. */
  readonly members: boolean;
  /** Bytes after the last stream are ignored. */
  readonly trailing: boolean;
  /** No bytes at all are an empty text. */
  readonly empty: boolean;
}

/** What every compression keeps. Call it inside a `describe`. */
export function compressorConformance(compressor: Compressor, traits: CompressorTraits): void {
  const { compress, decompress } = compressor;
  const text = new TextEncoder().encode('[[1, 2], {}, {"callbacks": null}]');

  test('gives back any bytes', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(plain(decompress(compress(bytes), 1000))).toEqual(plain(bytes));
    });
    fc.assert(property, { numRuns: 50 });
    for (const size of [0, 1, 65_535, 65_536, 3 * MEBIBYTE]) {
      const bytes = Buffer.alloc(size, 'a lively 漢字 ');
      expect(Buffer.from(decompress(compress(bytes), size + 1)).equals(bytes)).toBe(true);
    }
  });

  test('stops at the ceiling, not before it', () => {
    const packed = compress(new Uint8Array(5000));
    expect(decompress(packed, 5000)).toHaveLength(5000);
    expect(() => decompress(packed, 4999)).toThrow(LimitError);
  });

  test('refuses a bomb without unpacking it', () => {
    const bomb = compress(new Uint8Array(16 * MEBIBYTE));
    expect(bomb.length).toBeLessThan(MEBIBYTE);
    const before = process.memoryUsage.rss();
    const began = performance.now();
    for (let round = 0; round < 3; round += 1) expect(() => decompress(bomb, MEBIBYTE)).toThrow(LimitError);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MEBIBYTE);
  }, 60_000);

  test('refuses every cut, and reads or refuses every flipped bit', () => {
    const packed = compress(text);
    for (let length = traits.empty ? 1 : 0; length < packed.length; length += 1)
      expect(() => decompress(packed.subarray(0, length), 1000)).toThrow(DecodeError);
    for (let bit = 0; bit < packed.length * 8; bit += 1) {
      const broken = Uint8Array.from(packed);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      valueOrError(() => decompress(broken, 1000));
    }
  });

  test('answers any bytes with bytes or one of its two errors', () => {
    const start = compress(text);
    const tail = fc.tuple(fc.nat(start.length), fc.uint8Array({ maxLength: 40 }));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => valueOrError(() => decompress(bytes, 1000))));
    fc.assert(fc.property(tail, ([keep, more]) => valueOrError(() => decompress(Buffer.concat([start.subarray(0, keep), more]), 1000))));
  });

  test('reads what follows a stream as Python does', () => {
    const packed = compress(text);
    const after = (bytes: Uint8Array) => (): Uint8Array => plain(decompress(Buffer.concat([packed, bytes]), 1000));
    if (traits.members) expect(after(packed)()).toEqual(plain(Buffer.concat([text, text])));
    if (traits.trailing) expect(after(Buffer.from('garbage'))()).toEqual(plain(text));
    else expect(after(Buffer.from('garbage'))).toThrow(DecodeError);
    if (traits.empty) expect(decompress(new Uint8Array(), 1000)).toHaveLength(0);
    else expect(() => decompress(new Uint8Array(), 1000)).toThrow(DecodeError);
    if (traits.members) expect(() => decompress(Buffer.concat([packed, packed]), 2 * text.length - 1)).toThrow(LimitError);
  });

  describe.each(goldenVersions)('what kombu of Celery %s wrote', (version) => {
    const { texts, bodies } = golden(version, 'compressions');
    const written = Object.entries(bodies[compressor.contentType] ?? {});

    test.skipIf(written.length === 0).each(written)('%s', (name, body) => {
      const expected = Buffer.from(texts[name] ?? '', 'base64');
      expect(Buffer.from(decompress(Buffer.from(body, 'base64'), 100_000)).equals(expected)).toBe(true);
      expect(Buffer.from(decompress(compress(expected), 100_000)).equals(expected)).toBe(true);
    });
  });
}

function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

function valueOrError(read: () => Uint8Array): void {
  try {
    expect(read().length).toBeLessThanOrEqual(1000);
  } catch (error) {
    if (!(error instanceof LimitError)) expect(error).toBeInstanceOf(DecodeError);
  }
}
