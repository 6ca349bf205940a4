import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bindArguments, readParameters } from '../../src/worker/bind.ts';

type Row = readonly [readonly string[], readonly unknown[], Readonly<Record<string, unknown>>, string | null];
/** What CPython 3.11 says to `add(*args, **kwargs)` for a function of these parameters; `?` marks a default. */
const rows = JSON.parse(readFileSync(new URL('python-binding.json', import.meta.url), 'utf8')) as Row[];

function outcome([params, args, kwargs]: Row): string | null {
  try {
    bindArguments('math.add', readParameters('math.add', params), args, kwargs);
    return null;
  } catch (error) {
    expect(error).toMatchObject({ name: 'TypeError' });
    return (error as Error).message;
  }
}

describe('binding', () => {
  test('says what Python says, call by call', () => {
    expect(rows.map(outcome)).toEqual(rows.map(([, , , message]) => message));
  });

  test.each<[readonly string[], unknown[], Record<string, unknown>, unknown[]]>([
    [['x', 'y'], [1, 2], {}, [1, 2]],
    [['x', 'y?'], [], { x: 1 }, [1]],
    [['x?', 'y?'], [], { y: 2 }, [undefined, 2]],
    [['x', '*', 'k', 'o?'], [1], { k: 2 }, [1, 2]],
    [['x', '*rest'], [1, 2, 3], {}, [1, 2, 3]],
    [['x', '*rest', 'k?'], [1, 2, 3], { k: 9 }, [1, 9, 2, 3]],
    [['x', '*rest', 'k?'], [1, 2, 3], {}, [1, undefined, 2, 3]],
    [['x?', '**more'], [], { a: 1 }, [undefined, { a: 1 }]],
    [['*rest', '**more'], [1], { a: 1 }, [1, { a: 1 }]],
  ])('%j takes %j and %j', (params, args, kwargs, bound) => {
    expect([...bindArguments('t', readParameters('t', params), args, kwargs)]).toEqual(bound);
  });

  test('a key called __proto__ is data', () => {
    const [more] = bindArguments('t', readParameters('t', ['**more']), [], JSON.parse('{"__proto__": 1}') as Record<string, unknown>);

    expect(Object.keys(more as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(more)).toBe(Object.prototype);
  });

  test.each([[['x', 'x']], [['a?', 'b']], [['**k', 'a']], [['*a', '*b']], [['*', '*']], [['a b']], [['']], [['**']], [['*?']]])(
    '%j are no parameters',
    (params) => {
      expect(() => readParameters('t', params)).toThrow(TypeError);
    },
  );
});
