import { DEFAULT_LIMITS } from '../../src/base/limits.ts';
import { describe, expect, test } from 'vitest';

import { ResultDecodeError } from '../../src/base/errors.ts';
import { readMeta } from '../../src/backend/encoding.ts';
import { zlibCompressor } from '../../src/driver/zlib.ts';
import { CompressorRegistry } from '../../src/message/compression.ts';
import { jsonSerializer } from '../../src/message/serializers/json.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { buildMeta, decodeMeta, resultTuple, splitCompressedResult } from '../../src/protocol/result.ts';
import type { ResultMeta } from '../../src/protocol/result.ts';
import { golden, goldenVersions, storedBytes } from '../goldens.ts';
import type { ResultSet } from '../goldens.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const compressors = new CompressorRegistry();
compressors.register(zlibCompressor);
const codec = { serializer: jsonSerializer, accept: new Set(['application/json']), compressors, ...DEFAULT_LIMITS };

describe.each(goldenVersions)('results that Celery %s stored', (version) => {
  const results = golden(version, 'results');
  const states = (set: ResultSet, name: string): ResultMeta[] => {
    const found = results[set]?.[name];
    return found === undefined ? [] : storedBytes(found).map((bytes) => readMeta(bytes, codec));
  };

  test.each([
    ['success', { status: 'SUCCESS', result: 5, traceback: null, children: [], task_id: ID }],
    ['success text', { result: 'zażółć 🐇' }],
    ['success float', { result: Number.NaN }],
    ['success big', { result: 2n ** 70n }],
    ['success in a group', { group_id: 'g', parent_id: 'p' }],
    ['failure', { status: 'FAILURE', result: { exc_type: 'ValueError', exc_message: ['bad value'], exc_module: 'builtins' } }],
    ['failure with arguments', { result: { exc_type: 'OwnError', exc_message: [1, 'two', null] } }],
    ['failure with an odd argument', { result: { exc_type: 'KeyError', exc_message: ['{1}'] } }],
    ['retry', { status: 'RETRY', result: { exc_type: 'ValueError', exc_message: ['later'] }, date_done: null }],
    ['revoked', { status: 'REVOKED', result: { exc_type: 'TaskRevokedError', exc_module: 'celery.exceptions' }, traceback: null }],
    ['custom state', { status: 'PROGRESS', result: { done: 3 } }],
  ])('%s', (name, expected) => {
    expect(states('redis', name)).toMatchObject([expected]);
  });

  test('STARTED comes before the end', () => {
    expect(states('redis', 'started')).toMatchObject([
      { status: 'STARTED', result: { pid: 1, hostname: 'w1@host' }, date_done: null },
      { status: 'SUCCESS' },
    ]);
  });

  test('children are result tuples', () => {
    const [meta] = states('redis', 'children');
    expect(meta?.children).toHaveLength(2);
    expect(meta?.children?.[0]).toEqual(resultTuple('00000000-0000-4000-8000-000000000001'));
  });

  test('an extended result tells the call', () => {
    expect(states('redis extended', 'success')).toMatchObject([
      { name: 'golden.add', args: [2, 3], kwargs: {}, worker: 'w1@host', retries: 0, queue: 'celery' },
    ]);
  });

  test('a compressed result is read like any other, where the release writes them', () => {
    if (version < '5.7') return expect(results['redis compressed']).toBeUndefined();
    expect(states('redis compressed', 'success')).toEqual(states('redis', 'success'));
    return expect(states('redis compressed', 'failure')).toMatchObject([{ status: 'FAILURE', result: { exc_type: 'ValueError' } }]);
  });

  test('the file backend and rpc carry the same', () => {
    expect(Object.values(results.file).map((text) => decodeMeta(parseJson(text)))).toEqual(states('redis', 'success'));
    const rpc = golden(version, 'rpc');
    for (const name of ['success', 'started', 'failure', 'retry'])
      for (const message of rpc[name]?.messages ?? [])
        expect(decodeMeta(parseJson(message.body))).toMatchObject({ task_id: ID, status: expect.any(String) as unknown });
  });

  test('the same state written by us has the same keys in the same order', () => {
    for (const name of ['success', 'success in a group', 'failure', 'retry']) {
      const [bytes] = storedBytes(results.redis[name] ?? { means: '', commands: [] });
      const stored = parseJson(Buffer.from(bytes ?? []).toString()) as ResultMeta;
      const { status, result, group_id: groupId, parent_id: parentId } = stored;
      const [traceback, children] = [stored.traceback ?? undefined, stored.children ?? undefined];

      const written = writeJson(buildMeta({ taskId: ID, status, result, traceback, children, nowMs: NOW, groupId, parentId }));

      // Celery before 5.5 kept no offset; our clock has milliseconds.
      const date = stored.date_done === null ? null : '2026-01-02T03:04:05.678000+00:00';
      expect(written).toBe(writeJson({ ...stored, date_done: date }));
    }
  });
});

describe('decodeMeta', () => {
  test('fills in what an old or foreign writer left out', () => {
    expect(decodeMeta({ status: 'FAILURE' }, 'i')).toEqual({
      status: 'FAILURE',
      task_id: 'i',
      result: null,
      traceback: null,
      children: null,
      date_done: null,
    });
  });

  test.each([
    [null],
    [[]],
    ['text'],
    [{ task_id: 'i' }],
    [{ status: 5, task_id: 'i' }],
    [{ status: 'FAILURE' }],
    [{ status: 'SUCCESS', task_id: 'i' }],
    [{ status: 'SUCCESS', result: 1, task_id: 'i', children: [5] }],
  ])('%j is no result', (value) => {
    expect(() => decodeMeta(value)).toThrow(ResultDecodeError);
  });
});

describe('splitCompressedResult', () => {
  test.each(['', '{"status": 1}', '\0', '\0celery-compressed\0', '\0celery-compressed\0mime'])('%j is not compressed', (text) => {
    expect(splitCompressedResult(Buffer.from(text))).toBeUndefined();
  });
});
