import { describe, expect, test } from 'vitest';
import { ImproperlyConfiguredError } from '../../src/base/errors.ts';
import type { TaskRequest } from '../../src/protocol/task.ts';
import { LimitedSet } from '../../src/worker/limited-set.ts';
import { Revocations } from '../../src/worker/revocations.ts';

describe('a limited set', () => {
  test('is oldest first, and what comes again is young', () => {
    const set = new LimitedSet({ most: 10, expiresMs: 1000 });
    set.add(['a', 'b', 'c']);
    set.add(['a']);

    expect(set.ids()).toEqual(['b', 'c', 'a']);
  });

  test('forgets the oldest when it is full', () => {
    const set = new LimitedSet({ most: 3, expiresMs: 1000 });
    set.add(['a', 'b']);
    set.add(['c', 'd', 'e']);
    expect(set.ids()).toEqual(['c', 'd', 'e']);

    set.add(['1', '2', '3', '4', '5']);
    expect(set.ids()).toEqual(['3', '4', '5']);
  });

  test('forgets what is too old when it is purged', () => {
    let now = 0;
    const set = new LimitedSet({ most: 3, expiresMs: 1000 }, () => now);
    set.add(['a']);
    now = 999;
    set.add(['b']);
    set.purge();
    expect(set.ids()).toEqual(['a', 'b']);

    now = 1000;
    set.purge();
    expect(set.ids()).toEqual(['b']);
  });

  test('takes a million ids in no time', () => {
    const set = new LimitedSet({ most: 50_000, expiresMs: 1000 });
    const ids = Array.from({ length: 1_000_000 }, (_item, index) => String(index));
    const began = performance.now();

    for (let at = 0; at < ids.length; at += 1000) set.add(ids.slice(at, at + 1000));
    set.add(ids);

    expect(performance.now() - began).toBeLessThan(5000);
    expect(set.size).toBe(50_000);
  });
});

describe('revocations', () => {
  const request = (id: string, stamps: Record<string, unknown> = {}): TaskRequest =>
    ({ id, stamps, stampedHeaders: Object.keys(stamps) }) as unknown as TaskRequest;

  test('by id and by stamp', () => {
    const revoked = new Revocations();
    revoked.ids.add(['a']);
    revoked.addStamps('h', ['v1', 'v2']);

    expect(revoked.reason(request('a'))).toBe('id');
    expect(revoked.reason(request('b'))).toBeUndefined();
    expect(revoked.reason(request('b', { h: 'v1' }))).toBe('stamp');
    expect(revoked.reason(request('b', { h: ['x', 'v2'] }))).toBe('stamp');
    expect(revoked.reason(request('b', { h: 'x', other: 'v1' }))).toBeUndefined();
  });

  test('as many as the environment says', () => {
    const revoked = new Revocations({ CELERY_WORKER_REVOKES_MAX: '2' });
    revoked.ids.add(['a', 'b', 'c']);

    expect(revoked.ids.ids()).toEqual(['b', 'c']);
    for (const text of ['x', '', '-1', 'NaN'])
      expect(() => new Revocations({ CELERY_WORKER_REVOKE_EXPIRES: text })).toThrow(ImproperlyConfiguredError);
  });
});
