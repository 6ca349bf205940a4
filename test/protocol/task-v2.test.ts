import { describe, expect, test } from 'vitest';

import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { encodeTaskV2 } from '../../src/protocol/task-v2.ts';
import { goldenTasks, goldenVersions } from '../goldens.ts';

/** Celery before 5.3 did not send these. */
const NEWER_HEADERS = ['replaced_task_nesting', 'stamped_headers', 'stamps'];

describe.each(goldenVersions)('what Celery %s sent, sent again by us', (version) => {
  const tasks = goldenTasks(version).filter(({ protocol }) => protocol === 2);

  test.each(tasks)('$name', ({ name, message }) => {
    const headers = readFields(Buffer.from(message.headers_hex, 'hex'));
    const body = parseJson(message.body);
    const decoded = decodeTask(headers, body);
    if (decoded.kind !== 'task') throw new Error(`no task: ${JSON.stringify(decoded)}`);
    // Our own prints, so that they are compared as well; but JSON does not tell a tuple within a value from a list.
    const prints = name.startsWith('canvas map') ? {} : { argsrepr: undefined, kwargsrepr: undefined };
    const again = encodeTaskV2({ ...decoded.request, ...prints });

    const names = Object.keys(again.headers).filter((name) => name in headers || !NEWER_HEADERS.includes(name));
    expect(names).toEqual(Object.keys(headers));
    expect(Object.fromEntries(names.map((name) => [name, again.headers[name]]))).toEqual(headers);
    expect(parseJson(writeJson(again.body))).toEqual(body);
  });
});

describe('encodeTaskV2', () => {
  const decoded = decodeTask({ task: 't', id: 'i' }, [[1], { x: 2 }, null]);
  const request = decoded.kind === 'task' ? decoded.request : undefined;
  if (request === undefined) throw new Error('no task');

  test('fills in what a client leaves open, in Celery’s order', () => {
    const { headers, body } = encodeTaskV2(request);

    expect(Object.entries(headers)).toEqual([
      ['lang', 'js'],
      ['task', 't'],
      ['id', 'i'],
      ['shadow', null],
      ['eta', null],
      ['expires', null],
      ['group', null],
      ['group_index', null],
      ['retries', 0],
      ['timelimit', [null, null]],
      ['root_id', 'i'],
      ['parent_id', null],
      ['argsrepr', '(1,)'],
      ['kwargsrepr', "{'x': 2}"],
      ['origin', null],
      ['ignore_result', null],
      ['replaced_task_nesting', 0],
      ['stamped_headers', null],
      ['stamps', {}],
    ]);
    expect(writeJson(body)).toBe('[[1],{"x":2},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]');
  });

  test('a header called __proto__ stays one', () => {
    const custom = readFields(Buffer.from('095f5f70726f746f5f5f460000000701614900000001', 'hex'));
    const { headers } = encodeTaskV2({ ...request, headers: custom });

    expect(Object.keys(headers)).toContain('__proto__');
    expect('a' in headers).toBe(false);
  });

  test('a custom header wins over Celery’s own', () => {
    expect(encodeTaskV2({ ...request, headers: { lang: 'other', mine: 1 } }).headers).toMatchObject({ lang: 'other', mine: 1 });
  });
});
