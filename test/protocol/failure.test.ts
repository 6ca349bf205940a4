import { describe, expect, test } from 'vitest';

import { ResultDecodeError } from '../../src/base/errors.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { decodeFailure, encodeException, encodeTraceback, exceptionRepr, OUR_MODULE } from '../../src/protocol/failure.ts';
import type { ResultMeta } from '../../src/protocol/result.ts';
import { golden, goldenVersions, storedBytes } from '../goldens.ts';

describe.each(goldenVersions)('failures of Celery %s', (version) => {
  test.each([
    ['failure', { excType: 'ValueError', excModule: 'builtins', excMessage: ['bad value'] }],
    ['failure with arguments', { excType: 'OwnError', excModule: 'capturing.golden_app', excMessage: [1, 'two', null] }],
    ['revoked', { excType: 'TaskRevokedError', excModule: 'celery.exceptions', excMessage: ['revoked'] }],
  ])('%s is plain data', (name, expected) => {
    const [bytes] = storedBytes(golden(version, 'results').redis[name] ?? { means: '', commands: [] });
    const meta = parseJson(Buffer.from(bytes ?? []).toString()) as ResultMeta;

    expect(decodeFailure(meta.result, 'i', meta.traceback)).toMatchObject({ taskId: 'i', ...expected });
  });
});

describe('decodeFailure', () => {
  test('a list of pairs, an absent module and a single message', () => {
    expect(
      decodeFailure(
        [
          ['exc_type', 'E'],
          ['exc_message', 'm'],
        ],
        'i',
        'tb',
      ),
    ).toEqual({
      taskId: 'i',
      excType: 'E',
      excModule: undefined,
      excMessage: ['m'],
      remoteTraceback: 'tb',
    });
    expect(decodeFailure({ exc_type: 'E', exc_message: null }, 'i', null)).toMatchObject({ excMessage: [] });
  });

  test.each([[null], ['text'], [5], [[1]], [{}], [{ exc_type: 5 }]])('%j is no failure', (value) => {
    expect(() => decodeFailure(value, 'i', null)).toThrow(ResultDecodeError);
  });
});

describe('encodeException', () => {
  class OrderError extends Error {}

  test.each([
    [new TypeError('x'), { exc_type: 'TypeError', exc_message: ['x'], exc_module: 'builtins' }],
    [new RangeError('x'), { exc_type: 'RangeError', exc_message: ['x'], exc_module: OUR_MODULE }],
    [new OrderError('x'), { exc_type: 'OrderError', exc_message: ['x'], exc_module: OUR_MODULE }],
    ['text', { exc_type: 'Error', exc_message: ['text'], exc_module: OUR_MODULE }],
    [{ a: 1 }, { exc_type: 'Error', exc_message: ['{"a":1}'], exc_module: OUR_MODULE }],
    [
      Object.assign(new Error('x'), { excType: 'KeyError', excMessage: ['k', 1] }),
      { exc_type: 'KeyError', exc_message: ['k', 1], exc_module: 'builtins' },
    ],
    [Object.assign(new Error('x'), { excType: 'Own', excModule: 'shop' }), { exc_type: 'Own', exc_message: ['x'], exc_module: 'shop' }],
    [Object.assign(new Error('x'), { excType: 'Reject' }), { exc_type: 'Reject', exc_message: ['x'], exc_module: 'celery.exceptions' }],
  ])('%s', (error, expected) => {
    expect(encodeException(error)).toEqual(expected);
  });

  test('is read back by decodeFailure', () => {
    expect(decodeFailure(encodeException(new TypeError('x')), 'i', null)).toMatchObject({ excType: 'TypeError', excMessage: ['x'] });
  });

  test('a repr is Python’s', () => {
    expect(exceptionRepr(new RangeError("it's"))).toBe(String.raw`RangeError('it\'s')`);
  });
});

describe('encodeTraceback', () => {
  test('oldest frame first, the error last, its cause before', () => {
    const text = encodeTraceback(new Error('outer', { cause: new TypeError('inner') }));

    expect(text).toMatch(
      /^Traceback \(most recent call last\):\n(?: {2}.+\n)+ {2}File ".+", line \d+, in .+\nTypeError: inner\n\nThe above/,
    );
    expect(text.trimEnd()).toMatch(/Error: outer$/);
  });

  test('something thrown that is no error', () => {
    expect(encodeTraceback('text')).toBe('Traceback (most recent call last):\nError: text\n');
  });
});
