import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { corpusOf } from './corpus.ts';
import { mutate, randomFrom } from './mutate.ts';
import { fault, targets } from './targets.ts';
import type { Target } from './targets.ts';

function holds(target: Target, bytes: Uint8Array): void {
  const found = fault(target, bytes);
  if (found !== undefined) throw new Error(`${target.name} ${found} for ${Buffer.from(bytes).toString('base64')}`);
}

/** JSON with the keys that the wire gives a meaning to. */
const word = fc.constantFrom(
  '__type__',
  '__value__',
  '__proto__',
  'task',
  'id',
  'args',
  'kwargs',
  'options',
  'status',
  'result',
  'properties',
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(fc.constant(null), fc.boolean(), fc.double(), fc.string(), word, fc.constantFrom('datetime', 'bytes', 'SUCCESS', 'FAILURE')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(word, fc.string()), tie('value'), { maxKeys: 5 }),
  ),
}));
const json = value.map((any) => new TextEncoder().encode(JSON.stringify(any)));

describe.each(targets.map((target) => [target.name, target] as const))('%s', (_name, target) => {
  test('takes or refuses any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => holds(target, bytes)));
  });

  test('takes or refuses any JSON', () => {
    fc.assert(fc.property(json, (bytes) => holds(target, bytes)));
  });

  test('takes or refuses values with a few bytes changed', () => {
    const random = randomFrom(7);
    for (const seed of target.seeds) for (let round = 0; round < 20; round += 1) holds(target, mutate(seed, seed, random));
  });

  test('takes or refuses what the fuzzer has kept', () => {
    const corpus = corpusOf(target.name);
    for (const bytes of [...target.seeds, ...corpus]) holds(target, bytes);
    expect(corpus.length).toBeGreaterThan(0);
  });
});

test('a fault is seen', () => {
  const refuses = [RangeError];
  const target = { name: 'x', refuses, seeds: [] };
  const raise = (error: Error) => (): never => {
    throw error;
  };
  expect(fault({ ...target, run: raise(new RangeError('its own')) }, new Uint8Array())).toBeUndefined();
  expect(fault({ ...target, run: raise(new TypeError('another')) }, new Uint8Array())).toContain('another');
});
