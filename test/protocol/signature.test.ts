import { describe, expect, test } from 'vitest';

import { DecodeError } from '../../src/base/errors.ts';
import { decodeEmbed, decodeSignature, emptyEmbed, isComposite, signature } from '../../src/protocol/signature.ts';
import { goldenTasks, goldenVersions } from '../goldens.ts';

/** Every object that looks like a signature, at any depth. */
function signaturesIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(signaturesIn);
  return 'subtask_type' in value ? [value as Record<string, unknown>, ...inner] : inner;
}

test.each(goldenVersions)('every signature that Celery %s sent is read without loss', (version) => {
  const found = goldenTasks(version).flatMap(({ message }) => signaturesIn(JSON.parse(message.body)));

  expect(found.length).toBeGreaterThan(10);
  for (const wire of found) {
    // `chord_size` belongs to the object in Python's memory and is no part of what a peer applies.
    const { chord_size: _size, ...parts } = wire;
    expect(decodeSignature(wire, 'x')).toEqual(parts);
  }
  expect(found.some((wire) => isComposite(decodeSignature(wire, 'x')))).toBe(true);
});

describe('decodeSignature', () => {
  test('subtask_type and immutable may be absent', () => {
    expect(decodeSignature({ task: 't', args: [], kwargs: {}, options: {} }, 'x')).toEqual(signature('t'));
  });

  test.each([
    [null, 'x'],
    [[], 'x'],
    [{ task: '', args: [], kwargs: {}, options: {} }, 'x.task'],
    [{ task: 't', args: null, kwargs: {}, options: {} }, 'x.args'],
    [{ task: 't', args: [], kwargs: [], options: {} }, 'x.kwargs'],
    [{ task: 't', args: [], kwargs: {} }, 'x.options'],
  ])('%j is refused', (value, path) => {
    expect(() => decodeSignature(value, 'x')).toThrow(DecodeError);
    expect(() => decodeSignature(value, 'x')).toThrow(path);
  });
});

describe('decodeEmbed', () => {
  test.each([[undefined], [null], [[]], [{}], [{ chain: null }]])('%j means no callbacks', (value) => {
    expect(decodeEmbed(value)).toBe(emptyEmbed);
  });

  test('an error names the place', () => {
    expect(() => decodeEmbed({ callbacks: [signature('a'), 5] })).toThrow('embed.callbacks[1]');
    expect(() => decodeEmbed({ chain: 'x' })).toThrow('embed.chain');
    expect(() => decodeEmbed('x')).toThrow('embed');
  });
});
