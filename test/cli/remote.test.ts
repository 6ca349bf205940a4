import { describe, expect, test } from 'vitest';
import { compileArguments } from '../../src/cli/remote.ts';
import { prettyReply } from '../../src/cli/remote-print.ts';
import { COMMANDS } from '../../src/control/commands.ts';
import type { CommandName } from '../../src/control/commands.ts';
import { tq } from './tq.ts';

const BODY = { quiet: false, showBody: true };

describe('answers on a terminal', () => {
  // What celery inspect of 5.7.0 prints, without colours.
  test.each([
    [{ ok: 'pong' }, '->  w1@x: OK\n        pong'],
    [{ error: 'unknown task' }, '->  w1@x: ERROR\n        unknown task'],
    [[], '->  w1@x: OK\n    - empty -'],
    [['a', 'b [x=1]'], '->  w1@x: OK\n    * a\n    * b [x=1]'],
    [{ clock: 5, a: [1] }, '->  w1@x: OK\n    {\n        "a": [\n            1\n        ],\n        "clock": 5\n    }'],
    [
      { b: 2n ** 70n, a: NaN, c: {} },
      '->  w1@x: OK\n    {\n        "a": NaN,\n        "b": 1180591620717411303424,\n        "c": {}\n    }',
    ],
    [null, '->  w1@x: OK\n    None'],
    ['text', '->  w1@x: OK\n    text'],
    [[{ id: 'x', args: [1, null] }], "->  w1@x: OK\n    * {'id': 'x', 'args': [1, None]}"],
  ])('%o', (answer, text) => {
    expect(prettyReply({ 'w1@x': answer }, BODY)).toBe(text);
  });

  test('without body, and quietly', () => {
    expect(prettyReply({ 'w1@x': { ok: 'pong' } }, { quiet: true, showBody: false })).toBe(' w1@x: OK');
  });

  test('nothing a peer says moves the cursor', () => {
    expect(prettyReply({ 'w\u001b[2J': { ok: 'a\u009bb\rc' } }, BODY)).toBe(
      String.raw`->  w\x1b[2J: OK` + String.raw`` + '\n        a\\x9bb\\x0dc',
    );
  });
});

describe('arguments on a command line', () => {
  test.each<[CommandName, string[], object]>([
    ['ping', [], {}],
    ['revoke', ['a', 'b'], { task_id: ['a', 'b'] }],
    ['terminate', ['KILL', 'a', 'b'], { signal: 'KILL', task_id: ['a', 'b'] }],
    ['time_limit', ['t', '1.5'], { task_name: 't', soft: 1.5 }],
    ['conf', ['true'], { with_defaults: true }],
    ['registered', [], { taskinfoitems: [] }],
    ['autoscale', ['4', '1'], { max: 4, min: 1 }],
  ])('%s %o', (name, words, args) => {
    expect(compileArguments(name, COMMANDS[name], words)).toEqual(args);
  });
});

test('a destination without a node is refused, not sent to every node', () => {
  const { code, err } = tq(['control', 'shutdown', '-d', ' ,']);

  expect(code).toBe(2);
  expect(err).toContain('--destination names no node');
});

test('inspect --list and control --list name every visible command of Celery’s', () => {
  for (const type of ['inspect', 'control'] as const) {
    const { code, out } = tq([type, '--list']);
    const names = Object.entries(COMMANDS).filter(([, info]) => info.type === type && info.visible !== false);

    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s/)[0]),
    ).toEqual(names.map(([name]) => name).toSorted());
  }
});
