import { describe, expect, test } from 'vitest';
import { SecurityError } from '../../src/base/errors.ts';
import { ReplayMemory } from '../../src/worker/replay.ts';

const memory = (most = 100): ReplayMemory => new ReplayMemory({ windowMs: 1000, most });
const message = (nonce: string, at = 0, due = at): { nonce: string; at: number; due: number } => ({ nonce, at, due });

describe('replay memory', () => {
  test('takes a message once', () => {
    const seen = memory();
    seen.admit(message('a'), false, 0);
    seen.admit(message('b'), false, 0);

    expect(() => seen.admit(message('a'), false, 1)).toThrow(SecurityError);
  });

  test('takes it again when the broker delivers it again, until it is settled', () => {
    const seen = memory();
    seen.admit(message('a'), false, 0);
    seen.admit(message('a'), true, 1);
    seen.settle('a');

    expect(() => seen.admit(message('a'), true, 2)).toThrow('replay');
    expect(() => seen.admit(message('a'), false, 2)).toThrow('replay');
  });

  test('a message may come late by the window and no later, counted from its ETA', () => {
    expect(() => memory().admit(message('a', 0), false, 1000)).not.toThrow();
    expect(() => memory().admit(message('a', 0), false, 1001)).toThrow('security_replay_window');
    expect(() => memory().admit(message('a', 0, 5000), false, 6000)).not.toThrow();
    expect(() => memory().admit(message('a', 0, 5000), false, 6001)).toThrow('security_replay_window');
  });

  test('forgets what its age refuses by then', () => {
    const seen = memory();
    for (let at = 0; at < 5000; at += 10) seen.admit(message(`n${at}`, at), false, at);

    expect(seen.size).toBeLessThanOrEqual(102);
  });

  test('holds no more than it may; what it had to forget is refused by its age', () => {
    const seen = memory(3);
    for (const at of [1, 2, 3, 4, 5]) seen.admit(message(`n${at}`, at), false, 5);

    expect(seen.size).toBe(3);
    expect(() => seen.admit(message('n1', 1), false, 5)).toThrow('older than the messages still remembered');
    expect(() => seen.admit(message('n5', 5), false, 5)).toThrow('replay');
    expect(() => seen.admit(message('n6', 6), false, 6)).not.toThrow();
  });
});
