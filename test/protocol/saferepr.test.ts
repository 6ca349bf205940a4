import { describe, expect, test } from 'vitest';

import { parseJson } from '../../src/message/serializers/json-read.ts';
import { argsRepr, kwargsRepr, saferepr } from '../../src/protocol/saferepr.ts';
import { golden, goldenVersions } from '../goldens.ts';

/** Floats that JavaScript does not tell from integers; Python sees the integer that we send. */
const OTHER_NUMBER_TYPE = new Set(['whole float', 'minus zero', '10^16 as float']);

/** 5.7 closes the brackets of a cut last value, where earlier releases wrote `, ...`. */
const { rows } = golden('5.7.0', 'saferepr');
const cases = Object.entries(rows).filter(([name]) => !OTHER_NUMBER_TYPE.has(name));

describe('saferepr prints as Celery 5.7 does', () => {
  test.each(cases)('%s', (_name, { json, budget, args, whole }) => {
    const value = parseJson(json ?? '');

    expect(argsRepr([value], { maxLength: budget })).toBe(args);
    if (whole !== undefined) expect(saferepr(value, { maxLength: budget })).toBe(whole);
  });

  test('the table is not empty', () => expect(cases.length).toBeGreaterThan(150));
});

test.each(goldenVersions.filter((version) => version !== '5.7.0'))('Celery %s prints what is not cut in the same way', (version) => {
  const old = golden(version, 'saferepr').rows;

  const different = Object.keys(rows).filter((name) => rows[name]?.args !== old[name]?.args);

  expect(different.filter((name) => rows[name]?.budget !== 64 && name !== 'budget of 1024')).toEqual([]);
});

describe('saferepr', () => {
  test('arguments are a tuple, keywords a dict', () => {
    expect(argsRepr([])).toBe('()');
    expect(argsRepr([1, 'a'])).toBe("(1, 'a')");
    expect(kwargsRepr({})).toBe('{}');
    expect(kwargsRepr({ x: undefined })).toBe("{'x': None}");
  });

  test('what JSON cannot carry is printed all the same', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);

    expect(saferepr(cycle)).toBe('[[...]]');
    expect(saferepr(() => 1)).toBe('<function>');
    expect(saferepr(Symbol('x'))).toBe('<symbol>');
    expect(saferepr(new Date(Number.NaN))).toBe('<Invalid Date>');
    expect(saferepr(new Date(0))).toBe('datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)');
  });
});
