import { describe, expect, test } from 'vitest';

import { ImproperlyConfiguredError } from '../../src/base/errors.ts';
import { parseSettings } from '../../src/app/settings.ts';
import { errorsOf, schemas } from './schemas.ts';

const properties = schemas.get('settings')?.['properties'] as Readonly<Record<string, { readonly default: unknown }>>;
const defaults = parseSettings({});

function accepted(input: Readonly<Record<string, unknown>>): boolean {
  try {
    parseSettings(input);
    return true;
  } catch (error) {
    if (error instanceof ImproperlyConfiguredError) return false;
    throw error;
  }
}

const POOL = [
  null,
  true,
  false,
  0,
  1,
  2,
  3,
  0.5,
  -1,
  '',
  'x',
  'async',
  'direct',
  'UTC',
  [],
  ['a'],
  [1],
  {},
  { max_retries: null },
  { a: 1 },
];
/** Checked more deeply than a setting alone can be: their parts have cases of their own. */
const DEEP = new Set(['task_queues', 'task_routes']);

describe('the schema of the settings', () => {
  test('has the names that parseSettings takes, with the same defaults', () => {
    expect(Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, property.default]))).toEqual(defaults);
  });

  test('accepts the defaults', () => {
    expect(errorsOf('settings', defaults)).toEqual([]);
    expect(errorsOf('settings', {})).toEqual([]);
  });

  test.each(Object.keys(properties).filter((name) => !DEEP.has(name)))('agrees with parseSettings about %s', (name) => {
    const verdict = (accepts: (input: Record<string, unknown>) => boolean): unknown[] => POOL.filter((value) => accepts({ [name]: value }));

    expect(verdict((input) => errorsOf('settings', input).length === 0)).toEqual(verdict(accepted));
  });

  test.each([
    [{ no_such_setting: 1 }],
    [{ worker_autoscaler: 'x' }],
    [{ task_queues: 5 }],
    [{ task_routes: 'x' }],
    [{ task_publish_retry_policy: { max_retries: -1 } }],
    [{ task_publish_retry_policy: { interval_max: null } }],
  ])('both refuse %j', (input) => {
    expect(errorsOf('settings', input)).not.toEqual([]);
    expect(accepted(input)).toBe(false);
  });

  test.each([
    [{ task_queues: ['a', { name: 'b', routing_key: 'k', max_priority: 9 }] }],
    [{ task_queues: { a: { exchange: 'e', exchange_type: 'topic' } } }],
    [{ task_routes: { 'a.*': 'queue', b: { queue: 'q' } } }],
    [{ task_routes: [['a.*', { queue: 'q' }], { b: 'q' }] }],
    [{ task_publish_retry_policy: { max_retries: null, interval_start: 1 } }],
  ])('both accept %j', (input) => {
    expect(errorsOf('settings', input)).toEqual([]);
    expect(accepted(input)).toBe(true);
  });

  test.each([[{ task_queues: [{ routing_key: 'k' }] }], [{ task_queues: [{ name: 'a', colour: 1 }] }], [{ task_queues: { a: 5 } }]])(
    'a wrong queue is found: %j',
    (input) => {
      expect(errorsOf('settings', input)).not.toEqual([]);
    },
  );
});
