import { describe, expect, test } from 'vitest';
import { boundQueues, storedPattern } from '../../src/transport/virtual/exchange.ts';

const matches = (routingKey: string, pattern: string, key: string): boolean =>
  boundQueues('topic', [{ routingKey, pattern, queue: 'q' }], key).length === 1;

describe('topic patterns as kombu keeps them', () => {
  // `TopicExchange.key_to_pattern` of kombu 5.7.
  test.each([
    ['a.*', String.raw`^a\.[^\.]+$`],
    ['#', '^.*?$'],
    ['a.#.b', String.raw`^a\..*?\.b$`],
    ['my_queue.x-y', String.raw`^my\_queue\.x\-y$`],
    ['größe.é', String.raw`^größe\.é$`],
    ['a*b.c#', String.raw`^a*b\.c#$`],
  ])('%s is stored as %s', (key, pattern) => {
    expect(storedPattern('topic', key)).toBe(pattern);
  });

  test.each([
    // kombu 5.7's own row.
    ['a.*', String.raw`^a\.[^\.]+$`, 'a.b', true],
    ['a.*', String.raw`^a\.[^\.]+$`, 'a.b.c', false],
    ['a.*', String.raw`^a\.[^\.]+$`, 'a.', false],
    // kombu 5.6's row is looser: a star takes several words.
    ['a.*', String.raw`^a\..*?[^\.]$`, 'a.b', true],
    ['a.*', String.raw`^a\..*?[^\.]$`, 'a.b.c', true],
    ['a.*', String.raw`^a\..*?[^\.]$`, 'a.b.', false],
    // A hash of kombu's needs its dot, unlike AMQP's.
    ['a.#', String.raw`^a\..*?$`, 'a', false],
    ['a.#', String.raw`^a\..*?$`, 'a.b.c', true],
    ['#', '^.*?$', '', true],
    ['my_q', String.raw`^my\_q$`, 'my_q', true],
    // Not a pattern of kombu's: the binding key decides, and no stored expression is ever run.
    ['a.*', '^(a+)+$', 'a.b', true],
    ['a.*', '^(a+)+$', 'aaaa', false],
  ])('%s kept as %s takes %s: %s', (routingKey, pattern, key, taken) => {
    expect(matches(routingKey, pattern, key)).toBe(taken);
  });

  test('a hostile row costs no time', () => {
    const began = performance.now();

    matches('#', `^${String.raw`.*?\.`.repeat(60)}x$`, 'a.'.repeat(120));

    expect(performance.now() - began).toBeLessThan(100);
  });
});
