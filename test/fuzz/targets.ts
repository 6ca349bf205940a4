import { deflateSync } from 'node:zlib';
import { builtInSerializers } from '../../src/app/serializers.ts';
import { parseBrokerUrls } from '../../src/base/broker-url.ts';
import {
  ContentDisallowedError,
  DecodeError,
  ImproperlyConfiguredError,
  LimitError,
  ResultDecodeError,
  SecurityError,
} from '../../src/base/errors.ts';
import { parseIso8601 } from '../../src/base/iso8601.ts';
import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { readMeta } from '../../src/backend/encoding.ts';
import { redisLogin } from '../../src/backend/redis-url.ts';
import { readFields } from '../../src/driver/amqp-fields.ts';
import { defaultCompressors } from '../../src/driver/compressors.ts';
import { xzEnd } from '../../src/driver/xz-layout.ts';
import { decodeMessage } from '../../src/message/decode.ts';
import { authSerializer } from '../../src/message/serializers/auth.ts';
import { packSigned } from '../../src/message/serializers/auth-layout.ts';
import { JsonTypes } from '../../src/message/serializers/json-own-types.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { decodeFailure } from '../../src/protocol/failure.ts';
import { decodeMeta } from '../../src/protocol/result.ts';
import { decodeEmbed, decodeSignature } from '../../src/protocol/signature.ts';
import { unpackEnvelope } from '../../src/transport/virtual/envelope.ts';
import { patternTakes } from '../../src/transport/virtual/pattern.ts';
import { golden, goldenTasks, storedBytes } from '../goldens.ts';

/** One decoder, fed with bytes. */
export interface Target {
  readonly name: string;
  /** Returns for any value; throws for what is no value. */
  readonly run: (bytes: Uint8Array) => void;
  /** What it may throw. */
  readonly refuses: readonly (new (...args: never[]) => Error)[];
  /** Bytes that are values. */
  readonly seeds: readonly Uint8Array[];
}

const VERSION = '5.7.0';
const serializers = builtInSerializers(new JsonTypes());
const compressors = defaultCompressors();
const codec = { ...DEFAULT_LIMITS, serializer: jsonSerializer, compressors, accept: new Set(['application/json']) };
/** Below the ceiling of bytes that compressions are held to here. */
const SMALL = 4096;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
/** The JSON of an input, or a text where it is no JSON: what follows the parser is the target. */
function valueOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(textOf(bytes));
  } catch {
    return textOf(bytes);
  }
}
const headersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};

const tasks = goldenTasks(VERSION);
const jsons = Object.values(golden(VERSION, 'json').values).flatMap(({ json }) => (json === undefined ? [] : [bytesOf(json)]));
const states = Object.values(golden(VERSION, 'results').redis).flatMap(storedBytes);
const squeezed = Object.values(golden(VERSION, 'results')['redis compressed'] ?? {}).flatMap(storedBytes);
const embeds = tasks.map(({ message }) => bytesOf(JSON.stringify((JSON.parse(message.body) as unknown[])[2] ?? null)));
const SIGNATURE = '{"task": "a", "args": [], "kwargs": {}, "options": {"link": []}, "subtask_type": "chain", "immutable": false}';
const packed = (mime: string): Uint8Array[] =>
  Object.values(golden(VERSION, 'compressions').bodies[mime] ?? {}).map((body) => Buffer.from(body, 'base64'));

/** What Python wrote in a format that is not JSON. */
function foreign(name: string): Uint8Array[] {
  if (name !== 'msgpack' && name !== 'yaml') return [];
  return Object.values(golden(VERSION, 'formats').values).flatMap((value) => {
    const text = value[name];
    return typeof text === 'string' ? [Buffer.from(text, name === 'msgpack' ? 'hex' : 'utf8')] : [];
  });
}
/** Takes every signature of 8 bytes: what stands inside is the target. */
const signed = authSerializer({
  signer: { id: 'a 1', sign: () => new Uint8Array(8) },
  verifier: { signatureLength: () => 8, verify: () => undefined },
  inner: jsonSerializer,
  reader: (contentType) => serializers.byContentType(contentType),
});
const signedBody = packSigned({
  signer: 'a 1',
  signature: new Uint8Array(8),
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  body: bytesOf('[[1], {}, {}]'),
});

const decoders: readonly Target[] = [
  ...serializers.names().map((name): Target => ({
    name,
    run: (bytes) => void serializers.byName(name).decode(bytes),
    refuses: [DecodeError],
    seeds: name === 'json' ? jsons : [...jsons.slice(0, 5), ...foreign(name)],
  })),
  { name: 'auth', run: (bytes) => void signed.decode(bytes), refuses: [DecodeError, SecurityError], seeds: [signedBody] },
  {
    name: 'amqp-fields',
    run: (bytes) => void readFields(Buffer.from(bytes)),
    refuses: [],
    seeds: Object.values(golden(VERSION, 'amqp-tables').tables).map(({ hex }) => Buffer.from(hex, 'hex')),
  },
  {
    name: 'task',
    run: (bytes) => {
      const value = valueOf(bytes);
      if (Array.isArray(value) && value.length === 2) decodeTask(headersOf(value[0]), value[1]);
      else decodeTask({ task: 'a', id: 'b' }, value);
    },
    refuses: [],
    seeds: tasks.map(({ message }) => bytesOf(`[${JSON.stringify(message.headers)}, ${message.body}]`)),
  },
  { name: 'embed', run: (bytes) => void decodeEmbed(valueOf(bytes)), refuses: [DecodeError], seeds: embeds },
  { name: 'signature', run: (bytes) => void decodeSignature(valueOf(bytes), 'x'), refuses: [DecodeError], seeds: [bytesOf(SIGNATURE)] },
  { name: 'result-meta', run: (bytes) => void decodeMeta(valueOf(bytes)), refuses: [ResultDecodeError], seeds: states },
  {
    name: 'failure',
    run: (bytes) => void decodeFailure(valueOf(bytes), 'id', null),
    refuses: [ResultDecodeError],
    seeds: [bytesOf('{"exc_type": "ValueError", "exc_message": ["bad"], "exc_module": "builtins"}')],
  },
  {
    name: 'stored-result',
    run: (bytes) => void readMeta(bytes, codec, 'id'),
    refuses: [ResultDecodeError],
    seeds: [...states, ...squeezed],
  },
  {
    name: 'envelope',
    run: (bytes) => void unpackEnvelope(textOf(bytes)),
    refuses: [DecodeError],
    seeds: Object.values(golden(VERSION, 'envelopes').messages).map(bytesOf),
  },
  {
    name: 'iso8601',
    run: (bytes) => void parseIso8601(textOf(bytes)),
    refuses: [],
    seeds: ['2026-01-02T03:04:05.678901+02:00', '2026-W01-2'].map(bytesOf),
  },
  {
    name: 'broker-url',
    run: (bytes) => parseBrokerUrls(textOf(bytes)).forEach((url) => void redisLogin(url)),
    refuses: [ImproperlyConfiguredError],
    seeds: ['redis://u:p%40@h:1/2?ssl_cert_reqs=none;rediss://h', 'redis+socket:///run/x?virtual_host=1'].map(bytesOf),
  },
  {
    name: 'topic-pattern',
    run: (bytes) => {
      const [pattern = '', key = ''] = textOf(bytes).split('\0');
      patternTakes(pattern, key);
    },
    refuses: [],
    seeds: [bytesOf('^a\\.[^.]*?\\.b$\0a.x.b')],
  },
  { name: 'xz-layout', run: (bytes) => void xzEnd(bytes, SMALL), refuses: [DecodeError, LimitError], seeds: packed('application/x-lzma') },
  {
    name: 'message',
    run: (bytes) => {
      const [kind = 0] = bytes;
      const compression = [undefined, 'gzip', 'brotli', 'zstd', 'bzip2', 'nobody'][kind % 6];
      const message = { body: bytes.subarray(1), contentType: 'application/json', contentEncoding: 'utf-8', properties: {} };
      const options = { registry: serializers, compressors, accept: new Set(['application/json']), ...DEFAULT_LIMITS, maxDepth: 20 };
      decodeMessage({ ...message, headers: { compression } }, { ...options, maxBodyBytes: SMALL, maxDecompressedBytes: SMALL });
    },
    refuses: [DecodeError, LimitError, ContentDisallowedError],
    seeds: [Buffer.from('\0[[1], {}, {}]'), Buffer.concat([Buffer.of(1), deflateSync('[[1], {}, {}]')])],
  },
];

const compressions: readonly Target[] = compressors.names().map((name) => {
  const compressor = compressors.byName(name);
  const run = (bytes: Uint8Array): void => void compressor.decompress(bytes, SMALL);
  return { name, run, refuses: [DecodeError, LimitError], seeds: packed(compressor.contentType) };
});

/** Every decoder that reads what a peer sent, or what a user configured. */
export const targets: readonly Target[] = [...decoders, ...compressions];

/** The longest that one small input may take. */
const SLOW_MS = 1000;

/** What is wrong with how a target took this input; `undefined` when nothing is. */
export function fault(target: Target, bytes: Uint8Array): string | undefined {
  const began = performance.now();
  try {
    target.run(bytes);
  } catch (error) {
    if (!target.refuses.some((kind) => error instanceof kind)) return `threw ${error instanceof Error ? error.stack : String(error)}`;
  }
  const took = performance.now() - began;
  if (({} as { readonly polluted?: unknown }).polluted !== undefined) return 'changed Object.prototype';
  return took > SLOW_MS ? `took ${took.toFixed(0)} ms` : undefined;
}
