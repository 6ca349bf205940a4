import { describe, expect, test } from 'vitest';

import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { decodeTask, peekIds } from '../../src/protocol/detect.ts';
import type { DecodedTask } from '../../src/protocol/detect.ts';
import type { TaskRequest } from '../../src/protocol/task.ts';
import { golden, goldenTasks, goldenVersions } from '../goldens.ts';
import type { GoldenMessage, Goldens } from '../goldens.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const decode = (message: GoldenMessage): DecodedTask =>
  decodeTask(readFields(Buffer.from(message.headers_hex, 'hex')), parseJson(message.body));

function taskOf(message: GoldenMessage | undefined): TaskRequest {
  const decoded = message === undefined ? undefined : decode(message);
  if (decoded?.kind !== 'task') throw new Error(`no task: ${JSON.stringify(decoded)}`);
  return decoded.request;
}

describe.each(goldenVersions)('tasks of Celery %s', (version) => {
  const requests = (document: 'task-v2' | 'task-v1' | 'canvas', name: string): TaskRequest[] => {
    const scenario = (golden(version, document) as Goldens['canvas'])[name];
    return (scenario?.messages ?? []).map(taskOf);
  };

  test.each(goldenTasks(version))('$name is read as protocol $protocol', ({ protocol, message }) => {
    expect(decode(message)).toMatchObject({ kind: 'task', protocol });
  });

  test.each(['task-v2', 'task-v1'] as const)('%s plain and with keywords', (document) => {
    expect(requests(document, 'plain')).toMatchObject([
      { id: ID, task: 'golden.add', args: [2, 3], kwargs: {}, retries: 0, eta: undefined, expires: undefined, headers: {} },
    ]);
    expect(requests(document, 'keywords')).toMatchObject([{ args: ['zażółć 🐇'], kwargs: { y: "it's" } }]);
  });

  test.each(['task-v2', 'task-v1'] as const)('%s with every option', (document) => {
    expect(requests(document, 'rich')).toMatchObject([
      {
        eta: NOW + 10_000,
        expires: NOW + 60_000,
        timeLimit: 30,
        softTimeLimit: 20,
        headers: { 'x-custom': 1 },
        embed: { callbacks: [{ task: 'golden.total', immutable: false }], errbacks: [{ task: 'golden.failed' }], chain: null, chord: null },
        ...(document === 'task-v2'
          ? { shadow: 'shadow.name', ignoreResult: true, rootId: ID, lang: 'py', origin: 'gen1@host' }
          : undefined),
      },
    ]);
  });

  test('only 5.7 leaves ignore_result of an unregistered name to the task', () => {
    expect(requests('task-v2', 'by name')).toMatchObject([{ ignoreResult: version >= '5.7' ? undefined : false }]);
  });

  test('integers of any size', () => {
    expect(requests('task-v2', 'big integer')).toMatchObject([{ args: [2n ** 70n, 2n ** 53n], headers: { ms: 1_767_323_045_678 } }]);
  });

  test('a retry', () => {
    expect(requests('task-v2', 'retry')).toMatchObject([{ id: ID, retries: 1, eta: NOW + 3000, headers: { 'x-custom': 1 }, rootId: ID }]);
  });

  test('stamps, where the release has them', () => {
    const stamped = requests('task-v2', 'stamped');
    if (version === '5.2.6') expect(stamped).toEqual([]);
    else
      expect(stamped).toMatchObject([
        { stampedHeaders: expect.arrayContaining(['tenant', 'numbers']) as unknown, stamps: { tenant: 'blue', numbers: [1, 2] } },
      ]);
  });

  test('a chain carries its rest, reversed in protocol 2 and as nested links in protocol 1', () => {
    expect(requests('canvas', 'chain')).toMatchObject([
      { args: [1, 2], embed: { chain: [{ args: [4] }, { task: 'golden.add', args: [3] }] } },
    ]);
    expect(requests('task-v1', 'chain')).toMatchObject([
      { args: [1, 2], embed: { chain: null, callbacks: [{ args: [3], options: { link: [{ args: [4] }] } }] } },
    ]);
  });

  test('members of a group and of a chord', () => {
    const [first, second] = requests('canvas', 'group');
    // Celery before 5.3 did not number them.
    const [zero, one] = version === '5.2.6' ? [undefined, undefined] : [0, 1];
    expect(first).toMatchObject({ args: [1, 2], groupIndex: zero, group: expect.any(String) as unknown });
    expect(second).toMatchObject({ args: [3, 4], groupIndex: one, group: first?.group });
    expect(requests('task-v1', 'group')).toHaveLength(2);
    expect(requests('canvas', 'chord').slice(0, 2)).toMatchObject([{ args: [1, 2] }, { args: [3, 4] }]);
    for (const member of requests('canvas', 'chord').filter(({ task }) => task === 'golden.add'))
      expect(member.embed.chord).toMatchObject({ task: 'golden.total', options: expect.anything() as unknown });
  });

  test('an immutable callback says so', () => {
    expect(requests('canvas', 'immutable link')).toMatchObject([{ embed: { callbacks: [{ args: [5, 6], immutable: true }] } }]);
  });
});

describe('decodeTask', () => {
  const headers = { task: 't', id: 'i' };
  const body = [[], {}, null];

  test('reads the hybrid form: headers win over an object body', () => {
    expect(decodeTask({ ...headers, retries: 2 }, { args: [1], retries: 7, eta: '2026-01-02T03:04:05Z' })).toMatchObject({
      kind: 'task',
      request: { args: [1], retries: 2, eta: Date.UTC(2026, 0, 2, 3, 4, 5) },
    });
  });

  test('a protocol 1 task needs no more than name and id', () => {
    expect(decodeTask({}, { task: 't', id: 'i' })).toMatchObject({ kind: 'task', protocol: 1, request: { args: [], kwargs: {} } });
    expect(decodeTask({}, { task: 't', id: 'i', group: 'a', taskset: 'b' })).toMatchObject({ request: { group: 'b' } });
  });

  test.each([undefined, null, [], 'text', 5, {}])('%j without a task header is no task', (value) => {
    expect(decodeTask({}, value)).toEqual({ kind: 'unknown' });
  });

  test.each([
    ['two elements', headers, [[], {}]],
    ['four elements', headers, [[], {}, null, null]],
    ['no array', headers, 'text'],
    ['no id', { task: 't' }, body],
    ['an id that is no text', { task: 't', id: 5 }, body],
    ['an id too long', { task: 't', id: 'x'.repeat(2000) }, body],
    ['a name that is no text', { task: 5, id: 'i' }, body],
    ['an empty eta', { ...headers, eta: '' }, body],
    ['an eta that is no time', { ...headers, eta: 'tomorrow' }, body],
    ['a numeric expires', { ...headers, expires: 5 }, body],
    ['one time limit', { ...headers, timelimit: 5 }, body],
    ['a time limit of text', { ...headers, timelimit: ['a', null] }, body],
    ['stamped_headers of text', { ...headers, stamped_headers: 'a' }, body],
    ['kwargs of null', headers, [[], null, null]],
    ['args of text', headers, ['ab', {}, null]],
    ['embed of text', headers, [[], {}, 'x']],
    ['a callback without a name', headers, [[], {}, { callbacks: [{ args: [] }] }]],
  ])('%s is invalid', (_name, badHeaders, value) => {
    expect(decodeTask(badHeaders, value)).toMatchObject({ kind: 'invalid', reason: expect.any(String) as unknown });
  });

  test('a time limit of more than 2^53 seconds is one', () => {
    expect(decodeTask({ ...headers, timelimit: [2n ** 60n, 0] }, body)).toMatchObject({
      request: { timeLimit: 2 ** 60, softTimeLimit: undefined },
    });
  });

  test('an invalid task names the id under which its failure can be stored', () => {
    expect(decodeTask(headers, ['ab', {}, null])).toMatchObject({
      id: 'i',
      task: 't',
      failure: { exc_type: 'TypeError', exc_module: 'builtins' },
    });
    expect(decodeTask({}, { task: 't', id: 'i', kwargs: null })).toMatchObject({
      id: 'i',
      failure: { exc_type: 'InvalidTaskError', exc_module: 'celery.exceptions' },
    });
    expect(peekIds({ id: 5, task: null })).toEqual({ id: undefined, task: undefined });
  });

  test('the headers that a dead-letter exchange adds are not the user’s own', () => {
    expect(decodeTask({ ...headers, 'x-death': [], 'x-first-death-queue': 'q', mine: 1 }, body)).toMatchObject({
      request: { headers: { mine: 1 } },
    });
  });
});
