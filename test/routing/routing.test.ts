import { describe, expect, test } from 'vitest';
import { QueueTable } from '../../src/app/queues.ts';
import { parseSettings } from '../../src/app/settings.ts';
import { matchGlob } from '../../src/routing/glob.ts';
import { createRouter } from '../../src/routing/router.ts';
import { globWords } from '../../src/routing/topic.ts';

describe('routing', () => {
  test.each([
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['#', 'x.y', true],
    ['*.b', 'a.b', true],
    ['#.b.#', 'a.b.c', true],
    ['a', 'b', false],
  ])('topic %s and key %s: %s', (pattern, key, matches) => {
    expect(globWords(pattern, key)).toBe(matches);
  });

  test.each([
    ['tasks.*', 'tasks.add', true],
    ['*.add', 'tasks.math.add', true],
    ['t?', 'ta', true],
    ['t?', 't', false],
    ['', '', true],
    ['*', '', true],
    ['[st]*', 'tasks', true],
    ['[!st]*', 'tasks', false],
    ['[a-f]x', 'cx', true],
    ['[]a]', ']', true],
    ['[a', '[a', true],
    ['a-[0-9]', 'a-7', true],
  ])('glob %s and %s: %s', (pattern, text, matches) => {
    expect(matchGlob(pattern, text)).toBe(matches);
  });

  test('globs and topics of 100 000 characters take no time', () => {
    const started = performance.now();
    matchGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(100_000));
    globWords('#.#.#.x', 'a.'.repeat(300));

    expect(performance.now() - started).toBeLessThan(500);
  });

  test('routes are asked in order and an exact name beats a glob', () => {
    const route = createRouter([
      { 'mail.*': 'mail', 'mail.fast': { queue: 'fast', priority: 9 } },
      [/^img\./, 'images'],
      (name) => (name === 'own' ? 'mine' : undefined),
    ]);

    expect(route('mail.fast', [], {}, {})).toEqual({ queue: 'fast', priority: 9 });
    expect(route('mail.x', [], {}, {})).toEqual({ queue: 'mail' });
    expect(route('img.x', [], {}, {})).toEqual({ queue: 'images' });
    expect(route('own', [], {}, {})).toEqual({ queue: 'mine' });
    expect(route('other', [], {}, {})).toBeUndefined();
  });

  test('pairs are one table: an exact name comes first, wherever it stands', () => {
    const pairs = [
      ['mail.*', 'mail'],
      ['mail.fast', 'fast'],
    ] as const;

    expect(createRouter(pairs)('mail.fast', [], {}, {})).toEqual({ queue: 'fast' });
    expect(createRouter([pairs])('mail.fast', [], {}, {})).toEqual({ queue: 'fast' });
  });

  test('only a star makes a glob', () => {
    expect(createRouter({ '?': 'q' })('t', [], {}, {})).toBeUndefined();
    expect(createRouter({ '?*': 'q' })('t', [], {}, {})).toEqual({ queue: 'q' });
  });

  test('an expression matches from the start, time after time', () => {
    const route = createRouter([[/img/g, 'images']]);

    expect(route('img.x', [], {}, {})).toEqual({ queue: 'images' });
    expect(route('img.x', [], {}, {})).toEqual({ queue: 'images' });
    expect(route('my.img', [], {}, {})).toBeUndefined();
  });

  test('queues without exchange or key are bound by the defaults, as in Celery', () => {
    const table = (settings: Readonly<Record<string, unknown>>): unknown[] =>
      new QueueTable(parseSettings(settings)).consumed().map(({ exchange, routingKey }) => [exchange.name, exchange.type, routingKey]);

    expect(table({ task_queues: [{ name: 'a' }] })).toEqual([['celery', 'direct', 'celery']]);
    expect(table({ task_queues: { a: {} }, task_default_exchange: 'dx' })).toEqual([['dx', 'direct', 'a']]);
    expect(table({ task_queues: { a: { exchange: 'ax' } }, task_default_exchange_type: 'topic' })).toEqual([['ax', 'direct', 'a']]);
    expect(() => table({ task_queues: { a: { exchange_type: 'topic' } } })).toThrow('needs an exchange');
  });

  test('a direct queue is reached through the default exchange, a topic queue through its own', () => {
    const table = new QueueTable(
      parseSettings({ task_queues: ['celery', { name: 'news', exchange: 'wire', exchange_type: 'topic', routing_key: 'news.#' }] }),
    );

    expect(table.resolve({ queue: 'celery' }).address).toEqual({ exchange: '', routingKey: 'celery' });
    expect(table.resolve({ queue: 'news', routingKey: 'news.eu' }).address).toEqual({ exchange: 'wire', routingKey: 'news.eu' });
  });
});
