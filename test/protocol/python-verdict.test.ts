import { describe, expect, test } from 'vitest';
import { DateTime } from '../../src/base/values.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { pythonVerdict } from '../../src/protocol/python/delivery.ts';
import { pythonEnvelopeVerdict } from '../../src/protocol/python/envelope.ts';
import { pythonReads } from '../../src/protocol/python/result.ts';
import type { BodySeen, Ending, PythonVerdict } from '../../src/protocol/python/verdict.ts';

type Row = readonly [
  ending: Ending,
  stored: PythonVerdict['stored'],
  message: { readonly headers?: Record<string, unknown>; readonly body?: string | BodySeen },
];

const EMBED = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
const body = (args: string, kwargs = '{}', embed = EMBED): string => `[${args},${kwargs},${embed}]`;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const none = { task: undefined, id: undefined };
const undecodable: BodySeen = { kind: 'undecodable', reason: 'x' };
const disallowed: BodySeen = { kind: 'disallowed', contentType: 'application/x-yaml' };
const text = (value: string): BodySeen => ({ kind: 'value', value });

/** Each malformed message that was tried on Celery 5.6.3 and 5.7.0 (prefork), and how it ended there. */
const ROWS: Readonly<Record<string, Row>> = {
  'only task and id': ['runs', 'outcome', {}],
  'H01 no headers, list': ['rejected', 'nothing', { headers: none }],
  'H02 no task': ['rejected', 'nothing', { headers: none, body: '{"id":"i"}' }],
  'H03 protocol 1': ['runs', 'outcome', { headers: none, body: '{"task":"t","id":"i","args":[1],"kwargs":{}}' }],
  'protocol 1 of task and id only': ['runs', 'outcome', { headers: none, body: '{"task":"t","id":"i"}' }],
  'protocol 1 without args and id': ['crash-loop', 'nothing', { headers: none, body: '{"task":"t"}' }],
  'protocol 1 in a content that is not accepted': ['acked', 'nothing', { headers: none, body: disallowed }],
  'H04 v1 kwargs list': ['rejected', 'nothing', { headers: none, body: '{"task":"t","id":"i","args":[],"kwargs":[]}' }],
  'H05 v1 no id': ['runs', 'nothing', { headers: none, body: '{"task":"t","args":[1,2]}' }],
  'H06 v1 unknown task': ['rejected', 'FAILURE', { headers: none, body: '{"task":"nobody","id":"i","args":[]}' }],
  'H07 no id': ['crash-loop', 'nothing', { headers: { id: undefined } }],
  'H08 id null': ['runs', 'nothing', { headers: { id: null } }],
  'H09 id int': ['runs', 'nothing', { headers: { id: 12_345 } }],
  'H10 id empty': ['runs', 'nothing', { headers: { id: '' } }],
  'H11 id list': ['crash-loop', 'nothing', { headers: { id: ['a'] } }],
  'H12 task list': ['crash-loop', 'nothing', { headers: { task: ['a'] } }],
  'H13 task null': ['rejected', 'FAILURE', { headers: { task: null } }],
  'H14 unknown task': ['rejected', 'FAILURE', { headers: { task: 'nobody' } }],
  'H15 unknown task without id': ['crash-loop', 'nothing', { headers: { task: 'nobody', id: undefined } }],
  'H19 eta no date': ['rejected', 'nothing', { headers: { eta: 'not-a-date' } }],
  'H20 eta int': ['rejected', 'nothing', { headers: { eta: 5 } }],
  'H21 eta 9999': ['held', 'outcome', { headers: { eta: '9999-12-31T23:59:59' } }],
  'H22 eta dict': ['rejected', 'nothing', { headers: { eta: { a: 1 } } }],
  'H23 expires garbage': ['rejected', 'nothing', { headers: { expires: 'soon' } }],
  'H24 expired': ['revoked', 'REVOKED', { headers: { expires: '2020-01-01T00:00:00+00:00' } }],
  'H25 expires int': ['rejected', 'nothing', { headers: { expires: 60 } }],
  'H26 timelimit abc': ['crash-loop', 'nothing', { headers: { timelimit: 'abc' } }],
  'H27 timelimit [1]': ['crash-loop', 'nothing', { headers: { timelimit: [1] } }],
  'H28 timelimit [x, y]': ['crash-loop', 'nothing', { headers: { timelimit: ['x', 'y'] } }],
  'H29 timelimit [-1, -1]': ['fails', 'FAILURE', { headers: { timelimit: [-1, -1] } }],
  'H30 timelimit 5': ['crash-loop', 'nothing', { headers: { timelimit: 5 } }],
  'H31 retries many': ['runs', 'outcome', { headers: { retries: 'many' } }],
  'H32 stamped_headers 5': ['crash-loop', 'nothing', { headers: { stamped_headers: 5 } }],
  'H33 group dict': ['runs', 'outcome', { headers: { group: {}, group_index: 'z' } }],
  'H35 ignore_result "false"': ['runs', 'nothing', { headers: { ignore_result: 'false' } }],
  'eta empty': ['crash-loop', 'nothing', { headers: { eta: '' } }],
  'X02 id bytes': ['runs', 'outcome', { headers: { id: new Uint8Array([97]) } }],
  'X03 eta as an AMQP timestamp': ['runs', 'outcome', { headers: { eta: new DateTime(1000) } }],
  'X15 eta Z': ['runs', 'outcome', { headers: { eta: '2020-01-01T00:00:00Z' } }],
  'X18 wrong-typed reprs': ['runs', 'outcome', { headers: { argsrepr: 5, kwargsrepr: {} } }],
  'C01 compression that does not fit': ['acked', 'nothing', { headers: { compression: 'gzip' }, body: undecodable }],
  'C02 such a compression before anything else': ['acked', 'nothing', { headers: { id: undefined, compression: 'x' }, body: undecodable }],
  'C12 yaml': ['rejected', 'nothing', { body: disallowed }],
  'C14 application/data with JSON': ['crash-loop', 'nothing', { body: text(body('[1,2]')) }],
  'C15 application/data abc': ['acked', 'nothing', { body: text('abc') }],
  'C21 undecodable': ['acked', 'nothing', { body: undecodable }],
  'B01 empty': ['crash-loop', 'nothing', { body: text('') }],
  'B04 null': ['crash-loop', 'nothing', { body: 'null' }],
  'B05 42': ['crash-loop', 'nothing', { body: '42' }],
  'B06 "hello"': ['crash-loop', 'nothing', { body: '"hello"' }],
  'B07 "abc"': ['acked', 'nothing', { body: '"abc"' }],
  'B08 []': ['crash-loop', 'nothing', { body: '[]' }],
  'B09 two elements': ['crash-loop', 'nothing', { body: '[[1],{}]' }],
  'B10 four elements': ['crash-loop', 'nothing', { body: '[[1],{},{},1]' }],
  'B11 {}': ['crash-loop', 'nothing', { body: '{}' }],
  'B12 hybrid': ['runs', 'outcome', { body: '{"args":[1,2],"kwargs":{}}' }],
  'B13 false': ['crash-loop', 'nothing', { body: 'false' }],
  'B14 args 5': ['fails', 'FAILURE', { body: body('5') }],
  'B15 args text': ['runs', 'outcome', { body: body('"ab"') }],
  'B16 args null': ['fails', 'FAILURE', { body: body('null') }],
  'B17 args dict': ['runs', 'outcome', { body: body('{"a":1}') }],
  'B18 kwargs []': ['acked', 'nothing', { body: body('[1]', '[]') }],
  'B19 kwargs null': ['acked', 'nothing', { body: body('[1]', 'null') }],
  'B20 kwargs 5': ['acked', 'nothing', { body: body('[1]', '5') }],
  'B23 embed null': ['runs', 'outcome', { body: body('[1]', '{}', 'null') }],
  'B24 embed []': ['runs', 'outcome', { body: body('[1]', '{}', '[]') }],
  'B25 embed text': ['acked', 'nothing', { body: body('[1]', '{}', '"zz"') }],
  'B26 embed 5': ['acked', 'nothing', { body: body('[1]', '{}', '5') }],
  'B27 callbacks text': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"callbacks":"tasks.add"}') }],
  'B29 callbacks [{}]': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"callbacks":[{}]}') }],
  'B30 callbacks [5]': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"callbacks":[5]}') }],
  'B31 chain text': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"chain":"x"}') }],
  'B32 chain [{}]': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"chain":[{}]}') }],
  'B33 chord text': ['runs', 'outcome', { body: body('[1]', '{}', '{"chord":"x"}') }],
  'B34 chord {task: 5}': ['runs', 'outcome', { body: body('[1]', '{}', '{"chord":{"task":5}}') }],
  'B35 errbacks [5]': ['runs', 'outcome', { body: body('[1]', '{}', '{"errbacks":[5]}') }],
  'B36 embed keys': ['runs', 'outcome', { body: body('[1]', '{}', '{"id":"other","retries":9}') }],
  'B37 nesting 500': ['crash-loop', 'nothing', { body: body(`[1,${nested(500)}]`) }],
  'nesting 478': ['crash-loop', 'nothing', { body: body(`[${nested(478)}]`) }],
  'nesting 476': ['runs', 'outcome', { body: body(`[${nested(476)}]`) }],
  'unknown task, id null': ['crash', 'nothing', { headers: { task: 'nobody', id: null } }],
  'protocol 1, unknown task without id': ['crash-loop', 'nothing', { headers: none, body: '{"task":"nobody"}' }],
  'hybrid, kwargs list': ['rejected', 'nothing', { body: '{"args":[],"kwargs":[]}' }],
  'hybrid, no id': ['runs', 'nothing', { headers: { id: undefined }, body: '{"args":[],"kwargs":{}}' }],
  'a list with the text args': ['rejected', 'nothing', { body: '["args",1,2]' }],
  'application/data that mentions args': ['rejected', 'nothing', { body: text('[["args"],{},{}]') }],
  'an object of three keys': ['acked', 'nothing', { body: '{"a":1,"b":2,"c":3}' }],
  'stamped_headers of lists': ['crash-loop', 'nothing', { headers: { stamped_headers: [['a']] } }],
  'stamped_headers text': ['runs', 'outcome', { headers: { stamped_headers: 'ab' } }],
  'timelimit object of two': ['crash-loop', 'nothing', { headers: { timelimit: { a: 1, b: 2 } } }],
  'timelimit booleans': ['runs', 'outcome', { headers: { timelimit: [true, true] } }],
  'soft limit negative': ['runs', 'outcome', { headers: { timelimit: [5, -1] } }],
  'eta false': ['crash-loop', 'nothing', { headers: { eta: false } }],
  'id true': ['runs', 'nothing', { headers: { id: true } }],
  'a callback of a task only': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"callbacks":[{"task":"t"}]}') }],
  'callbacks an object': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"callbacks":{"a":1}}') }],
  'chain an object': ['runs', 'FAILURE', { body: body('[1]', '{}', '{"chain":{"a":1}}') }],
  'embed a list of one': ['acked', 'nothing', { body: body('[1]', '{}', '[1]') }],
  'B40 NaN': ['runs', 'outcome', { body: body('[NaN,-Infinity]') }],
  'B41 big': ['runs', 'outcome', { body: body('[18446744073709551616]') }],
};

const nowMs = Date.UTC(2026, 10, 25);

function seen([, , { headers = {}, body: given = body('[1,2]') }]: Row): Parameters<typeof pythonVerdict>[0] {
  const all = Object.fromEntries(Object.entries({ task: 't', id: 'i', ...headers }).filter(([, value]) => value !== undefined));
  const bodySeen: BodySeen = typeof given === 'string' ? { kind: 'value', value: parseJson(given) } : given;
  return { headers: all, body: bodySeen, nowMs, isRegistered: (task) => task === 't' };
}

describe('what Python does with a message', () => {
  test.each(Object.entries(ROWS))('%s', (_name, row) => {
    const [ending, stored] = row;

    expect(pythonVerdict(seen(row), '5.6')).toMatchObject({ ending, stored });
    expect(pythonVerdict(seen(row), '5.7')).toMatchObject({ ending, stored });
  });

  test.each(Object.entries(ROWS).filter(([, [ending, stored]]) => ending !== 'runs' || stored !== 'outcome'))(
    '%s is explained',
    (_name, row) => {
      expect(pythonVerdict(seen(row), '5.7').why).not.toBe('');
    },
  );

  test('an eta that is no moment of UTC is stored as a failure since 5.7', () => {
    const row: Row = ['rejected', 'nothing', { headers: { eta: '9999-12-31T23:59:59-01:00' } }];

    expect(pythonVerdict(seen(row), '5.6')).toMatchObject({ ending: 'rejected', stored: 'nothing' });
    expect(pythonVerdict(seen(row), '5.7')).toMatchObject({ ending: 'rejected', stored: 'FAILURE' });
  });

  test('any task is taken for registered where nobody says which are', () => {
    const { isRegistered: _unused, ...message } = seen(['runs', 'outcome', { headers: { task: 'nobody' } }]);

    expect(pythonVerdict(message, '5.7').ending).toBe('runs');
  });
});

const PROPERTIES = { delivery_tag: 'd', delivery_info: { exchange: '', routing_key: 'celery' }, body_encoding: 'base64' };
const ENVELOPE = { body: 'W10=', 'content-type': 'application/json', headers: {}, properties: PROPERTIES };

describe('what Python does with an envelope', () => {
  test.each<readonly [string, unknown, Ending, Ending]>([
    ['R01 not JSON', undefined, 'crash', 'crash'],
    ['R02 array', [], 'crash', 'crash'],
    ['R03 null', null, 'crash', 'crash'],
    ['R04 no properties', { ...ENVELOPE, properties: undefined }, 'crash', 'lost'],
    ['R05 properties null', { ...ENVELOPE, properties: null }, 'crash', 'crash'],
    ['R06 no delivery_tag', { ...ENVELOPE, properties: { ...PROPERTIES, delivery_tag: undefined } }, 'crash', 'lost'],
    ['R07 no delivery_info', { ...ENVELOPE, properties: { ...PROPERTIES, delivery_info: undefined } }, 'crash', 'lost'],
    ['R08 no exchange', { ...ENVELOPE, properties: { ...PROPERTIES, delivery_info: { routing_key: 'celery' } } }, 'crash', 'lost'],
    ['R09 no body', { ...ENVELOPE, body: undefined }, 'crash-loop', 'crash-loop'],
    ['R10 body null', { ...ENVELOPE, body: null }, 'crash-loop', 'crash-loop'],
    ['R11 body not base64', { ...ENVELOPE, body: 'abcde' }, 'crash', 'crash'],
    ['R12 unknown body_encoding', { ...ENVELOPE, properties: { ...PROPERTIES, body_encoding: 'rot13' } }, 'crash', 'crash'],
    ['R16 headers list', { ...ENVELOPE, headers: [1] }, 'crash', 'crash'],
    ['R17 no content-type', { ...ENVELOPE, 'content-type': undefined }, 'crash-loop', 'crash-loop'],
    ['R20 delivery_tag dict', { ...ENVELOPE, properties: { ...PROPERTIES, delivery_tag: {} } }, 'crash', 'crash'],
    ['R21 body a list', { ...ENVELOPE, body: [1] }, 'crash', 'crash'],
    ['R23 no padding', { ...ENVELOPE, body: 'W10' }, 'crash', 'crash'],
  ])('%s', (_name, value, on56, on57) => {
    const given = value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);

    expect(pythonEnvelopeVerdict(given, 'redis', '5.6')?.ending).toBe(on56);
    expect(pythonEnvelopeVerdict(given, 'redis', '5.7')?.ending).toBe(on57);
    expect(pythonEnvelopeVerdict(given, 'filesystem', '5.7')?.ending).toBe('crash');
  });

  test.each([
    ['a good one', ENVELOPE],
    ['R13 no body_encoding', { ...ENVELOPE, properties: { ...PROPERTIES, body_encoding: undefined } }],
    ['R14 no headers', { ...ENVELOPE, headers: undefined }],
    ['R15 headers null', { ...ENVELOPE, headers: null }],
    ['R19 odd tag', { ...ENVELOPE, properties: { ...PROPERTIES, delivery_tag: 7 } }],
  ])('%s is read', (_name, value) => {
    expect(pythonEnvelopeVerdict(JSON.parse(JSON.stringify(value)), 'redis', '5.7')).toBeUndefined();
  });
});

describe('what a Python client does with a stored result', () => {
  const meta = { status: 'SUCCESS', result: 3, task_id: 'i', children: [] };
  test.each<readonly [string, unknown, RegExp]>([
    ['a success', meta, /^returns the result/],
    ['a failure', { ...meta, status: 'FAILURE', result: { exc_type: 'MyErr', exc_message: [], exc_module: 'm' } }, /^raises m\.MyErr/],
    ['E01 not JSON', undefined, /^raises DecodeError/],
    ['null', null, /TypeError/],
    ['{}', {}, /KeyError\('status'\)/],
    ['an unknown status', { ...meta, status: 'success' }, /^waits for ever/],
    ['STARTED', { ...meta, status: 'STARTED' }, /^waits: /],
    ['no result', { status: 'SUCCESS', task_id: 'i' }, /KeyError\('result'\)/],
    ['no task_id', { status: 'SUCCESS', result: 1 }, /KeyError\('task_id'\)/],
    ['a failure of null', { ...meta, status: 'FAILURE', result: null }, /RuntimeError/],
    ['a failure of text', { ...meta, status: 'FAILURE', result: 'boom' }, /ValueError/],
    ['a failure without a type', { ...meta, status: 'FAILURE', result: { exc_message: [] } }, /ValueError/],
    ['SystemExit', { ...meta, status: 'FAILURE', result: { exc_type: 'SystemExit', exc_module: 'builtins' } }, /ends the client's process/],
    ['children [5]', { ...meta, children: [5] }, /TypeError/],
  ])('%s', (_name, value, expected) => {
    expect(pythonReads({ value, compressed: false }, '5.7')).toMatch(expected);
  });

  test('a compressed one is read since 5.7', () => {
    expect(pythonReads({ value: meta, compressed: true }, '5.6')).toMatch(/DecodeError/);
    expect(pythonReads({ value: meta, compressed: true }, '5.7')).toMatch(/^returns/);
  });
});
