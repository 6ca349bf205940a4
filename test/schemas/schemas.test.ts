import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { describe, expect, test } from 'vitest';

import { packEnvelope } from '../../src/transport/virtual/envelope.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from '../../src/base/values.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { encodeException } from '../../src/protocol/failure.ts';
import { buildMeta, resultTuple } from '../../src/protocol/result.ts';
import { signature } from '../../src/protocol/signature.ts';
import { encodeTaskV1 } from '../../src/protocol/task-v1.ts';
import { encodeTaskV2 } from '../../src/protocol/task-v2.ts';
import type { TaskRequest } from '../../src/protocol/task.ts';
import { readMeta } from '../../src/backend/encoding.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { golden, goldenTasks, goldenVersions, storedBytes } from '../goldens.ts';
import type { GoldenMessage } from '../goldens.ts';
import { errorsOf, schemas, validator } from './schemas.ts';

/** Python's text as standard JSON; the schemas look at what is on the wire, not at what it stands for. */
const wire = (text: string): unknown => JSON.parse(text.replaceAll(/(?<=[[:,] ?)NaN|^NaN$/g, 'null'));
const written = (value: unknown): unknown => wire(writeJson(value));
const asTask = ({ headers, properties, body }: GoldenMessage): unknown => ({ headers, properties, body: wire(body) });

describe.each([...schemas])('%s', (name, schema) => {
  test('compiles under strict mode and tells what it is', () => {
    expect(validator(name)).toBeTypeOf('function');
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:tq-bridge:${name}`,
      title: expect.any(String) as unknown,
      description: expect.any(String) as unknown,
    });
  });
});

describe.each(goldenVersions)('what Celery %s wrote is valid', (version) => {
  test.each(goldenTasks(version))('$name', ({ protocol, message }) => {
    expect(errorsOf(`task-v${protocol}`, asTask(message))).toEqual([]);
  });

  test('envelopes', () => {
    const texts = Object.values(golden(version, 'envelopes').messages);
    expect(texts.length).toBeGreaterThan(0);
    for (const text of texts) expect(errorsOf('envelope', wire(text))).toEqual([]);
  });

  test('results, compressed ones and those over rpc', () => {
    const compressors = new CompressorRegistry();
    compressors.register(zlibCompressor);
    const codec = { serializer: jsonSerializer, accept: new Set(['application/json']), compressors, ...DEFAULT_LIMITS };
    const { redis, 'redis extended': extended, 'redis compressed': compressed = {}, file } = golden(version, 'results');
    const plain = [redis, extended].flatMap((set) => Object.values(set).flatMap(storedBytes)).map((bytes) => wire(bytes.toString()));
    const rpc = Object.values(golden(version, 'rpc')).flatMap(({ messages }) => messages.map(({ body }) => wire(body)));
    const read = Object.values(compressed)
      .flatMap(storedBytes)
      .map((bytes) => written(readMeta(bytes, codec)));

    for (const meta of [...plain, ...rpc, ...read, ...Object.values(file).map(wire)]) expect(errorsOf('result-meta', meta)).toEqual([]);
  });

  test('values', () => {
    const { values } = golden(version, 'json');
    for (const [name, { json }] of Object.entries(values))
      if (json !== undefined && !json.endsWith('Infinity')) expect(errorsOf('typed-values', wire(json)), name).toEqual([]);
  });
});

describe('what we write is valid', () => {
  const sig = signature('t', [1], { x: 2 }, { task_id: 'next', link: [signature('u')] });
  const decoded = decodeTask(
    { task: 't', id: 'i', eta: '2026-01-02T03:04:05.678901+00:00', timelimit: [30, null], retries: 2, group: 'g', mine: 1 },
    [[1], { x: 2 }, { callbacks: [sig], errbacks: [sig], chain: [sig, sig], chord: sig }],
  );
  const request = (decoded.kind === 'task' ? decoded.request : undefined) as TaskRequest;
  const values = [
    new DateTime(0, 1, 330),
    new Date(0),
    new PlainDate(2026, 1, 2),
    new PlainTime(3, 4, 5, 600),
    new Decimal('1.10'),
    new Uuid('12345678123456781234567812345678'),
    new Uint8Array([97]),
    new Uint8Array([0, 255]),
  ];

  test('tasks', () => {
    expect(errorsOf('task-v2', written(encodeTaskV2({ ...request, args: values })))).toEqual([]);
    expect(errorsOf('task-v1', written(encodeTaskV1({ ...request, args: values }, { utc: true })))).toEqual([]);
  });

  test('results and exceptions', () => {
    const parts = { taskId: 'i', nowMs: 0, children: [resultTuple('c')] };
    expect(errorsOf('result-meta', written(buildMeta({ ...parts, status: 'SUCCESS', result: values })))).toEqual([]);
    const failure = encodeException(new RangeError('x'));
    expect(errorsOf('result-meta', written(buildMeta({ ...parts, status: 'FAILURE', result: failure, traceback: 'tb' })))).toEqual([]);
    expect(errorsOf('exception', written(failure))).toEqual([]);
  });

  test('envelopes', () => {
    const { headers, body } = encodeTaskV2(request);
    const message = {
      headers,
      body: jsonSerializer.encode(body),
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      properties: {},
    };
    const envelope = packEnvelope(message, { exchange: '', routingKey: 'celery' }, 'tag', true);

    expect(errorsOf('envelope', wire(envelope))).toEqual([]);
  });
});

const task = { headers: { task: 't', id: 'i' }, body: [[], {}, {}] };
const v1 = { body: { task: 't', id: 'i' } };
const meta = { status: 'SUCCESS', task_id: 'i', result: 1 };
const envelope = {
  body: 'W10=',
  properties: { delivery_info: { exchange: '', routing_key: 'q' }, delivery_tag: 't', body_encoding: 'base64' },
};
const request = {
  headers: { clock: 1, expires: 2.5 },
  body: { method: 'ping', arguments: {}, destination: null, pattern: null, matcher: null },
};
const reply = { headers: { ticket: 't', clock: 2 }, body: { 'w@h': { ok: 'pong' } } };
const sig = { task: 't', args: [], kwargs: {}, options: {} };

describe('planted violations are found', () => {
  test.each([
    ['task-v2', task],
    ['task-v1', v1],
    ['result-meta', meta],
    ['envelope', envelope],
    ['signature', sig],
    ['exception', { exc_type: 'E', exc_message: [] }],
    ['control-request', request],
    ['control-reply', reply],
  ])('%s alone is valid', (name, value) => {
    expect(errorsOf(name, value)).toEqual([]);
  });

  test.each([
    ['control-request', { ...request, headers: { clock: 1 } }],
    ['control-request', { ...request, body: { ...request.body, destination: [] } }],
    ['control-request', { ...request, body: { ...request.body, ticket: 't' } }],
    ['control-request', { ...request, body: { ...request.body, matcher: 'regex' } }],
    ['control-reply', { ...reply, body: {} }],
    ['control-reply', { ...reply, body: { a: 1, b: 2 } }],
    ['control-reply', { ...reply, body: { a: { error: 5 } } }],
    ['task-v2', { ...task, headers: { id: 'i' } }],
    ['task-v2', { ...task, headers: { task: 't' } }],
    ['task-v2', { ...task, headers: { task: 't', id: 5 } }],
    ['task-v2', { ...task, headers: { task: 't', id: 'i', eta: '' } }],
    ['task-v2', { ...task, headers: { task: 't', id: 'i', timelimit: 5 } }],
    ['task-v2', { ...task, headers: { task: 't', id: 'i', timelimit: [1] } }],
    ['task-v2', { ...task, headers: { task: 't', id: 'i', stamped_headers: 'a' } }],
    ['task-v2', { ...task, body: [[], {}] }],
    ['task-v2', { ...task, body: [[], {}, {}, {}] }],
    ['task-v2', { ...task, body: [{}, {}, {}] }],
    ['task-v2', { ...task, body: [[], [], {}] }],
    ['task-v2', { ...task, body: [[], {}, { callbacks: [{ ...sig, task: '' }] }] }],
    ['task-v2', { ...task, body: [[{ __type__: 'nobody', __value__: 1 }], {}, {}] }],
    ['task-v2', { ...task, properties: { expiration: 60_000 } }],
    ['task-v2', { ...task, properties: { delivery_mode: 3 } }],
    ['task-v1', { ...v1, headers: { task: 't' } }],
    ['task-v1', { body: { task: 't' } }],
    ['task-v1', { body: { task: 't', id: 'i', kwargs: null } }],
    ['task-v1', { body: { task: 't', id: 'i', expires: 5 } }],
    ['embed', { chord: [] }],
    ['embed', [1]],
    ['embed', 'text'],
    ['signature', { ...sig, options: null }],
    ['signature', { ...sig, options: { link: [5] } }],
    ['signature', { ...sig, args: {} }],
    ['exception', { exc_message: [] }],
    ['exception', { exc_type: 'E', exc_message: 'm' }],
    ['result-meta', { ...meta, status: 5 }],
    ['result-meta', { ...meta, status: 'FAILURE' }],
    ['result-meta', { ...meta, status: 'RETRY', result: 'text' }],
    ['result-meta', { ...meta, children: [['id', null]] }],
    ['result-meta', { status: 'SUCCESS', result: 1 }],
    ['result-meta', { status: 'SUCCESS', task_id: 'i' }],
    ['envelope', { ...envelope, body: 'W10' }],
    ['envelope', { ...envelope, properties: { ...envelope.properties, delivery_tag: null } }],
    ['envelope', { ...envelope, properties: { ...envelope.properties, body_encoding: 'hex' } }],
    ['envelope', { ...envelope, properties: { ...envelope.properties, delivery_info: { exchange: '' } } }],
    ['typed-values', { __type__: null, __value__: 1 }],
    ['typed-values', [{ a: { __type__: 'uuid', __value__: 'x' } }]],
    ['typed-values', { __type__: 'date', __value__: '2026-02-30' }],
    ['typed-values', { __type__: 'decimal', __value__: '1,1' }],
    ['typed-values', { __type__: 'base64', __value__: 'abc' }],
  ])('%s %j', (name, value) => {
    expect(errorsOf(name, value)).not.toEqual([]);
  });
});
