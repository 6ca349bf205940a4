import { describe, expect, test } from 'vitest';
import { ContentDisallowedError } from '../../src/base/errors.ts';
import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import type { Compressor } from '../../src/message/compression.ts';
import { decodeMessage } from '../../src/message/decode.ts';
import { SerializerRegistry } from '../../src/message/registry.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';

const TYPES = [
  'application/x-python-serialize',
  'application/x-yaml',
  'application/x-msgpack',
  'text/plain',
  'application/text',
  'application/data',
  'application/x-unknown',
  'APPLICATION/JSON',
  'application/json; charset=utf-8',
  ' application/json',
  'application/json\0',
  '',
  '__proto__',
];

/** A registry that reads every one of the types, and counts: a refusal must come before any of it is used. */
function watched(): { registry: SerializerRegistry; compressors: CompressorRegistry; used: string[] } {
  const used: string[] = [];
  const registry = new SerializerRegistry();
  registry.register(jsonSerializer);
  for (const [index, contentType] of TYPES.entries()) {
    // What is no mime type, and pickle, cannot even be registered.
    if (!/^[^\s/]+\/[^\s/]+$/.test(contentType) || contentType.includes('python')) continue;
    registry.register({ ...jsonSerializer, name: `reader${index}`, contentType, decode: (bytes) => used.push(`${bytes.length}`) });
  }
  const compressors = new CompressorRegistry();
  const compressor: Compressor = {
    ...zlibCompressor,
    decompress: (bytes, most) => {
      used.push('decompressed');
      return zlibCompressor.decompress(bytes, most);
    },
  };
  compressors.register(compressor);
  return { registry, compressors, used };
}

describe.each([['json'], ['application/x-signed']])('with accept_content [%s]', (accepted) => {
  test.each([...TYPES, ...(accepted === 'json' ? [] : ['application/json'])])(
    '%j is refused before anything of it is read',
    (contentType) => {
      const { registry, compressors, used } = watched();
      const options = { ...DEFAULT_LIMITS, registry, compressors, accept: registry.contentTypes([accepted]), maxBodyBytes: 100 };
      const body = new Uint8Array(1000);
      const message = { body, contentType, contentEncoding: 'utf-8', headers: { compression: 'zlib' }, properties: {} };

      expect(() => decodeMessage(message, options)).toThrow(ContentDisallowedError);
      expect(used).toEqual([]);
    },
  );
});
