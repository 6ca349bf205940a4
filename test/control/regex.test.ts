import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { matchStart } from '../../src/control/regex.ts';
import { matchesNode } from '../../src/control/select.ts';

const TEXTS = ['w1@here', 'celery@host-12.example', 'w', '', 'aaaa', 'ab\ncd', 'Ünï@x', 'a.b', 'a1_b2'];

const PATTERNS = [
  'w',
  'w1@here',
  'w1@here$',
  String.raw`w\d@.*`,
  'celery@host-(1|2)+',
  'celery@(host|guest)-[0-9]{2}[.]example$',
  'a*',
  'a+$',
  'a{2}',
  'a{2,}$',
  'a{5}',
  'a{1,3}$',
  '(a|aa)*$',
  '(?:ab)?',
  '(?P<x>w)1',
  '[^a-z]',
  '[]a]',
  '[a-]',
  String.raw`\w+@\w+$`,
  String.raw`\W`,
  String.raw`[\w.@-]+$`,
  String.raw`a\.b`,
  'a.b',
  '.*$',
  '.*c',
  '^w',
  String.raw`\Aw1`,
  String.raw`\w+\Z`,
  String.raw`w1\b`,
  '',
  'x|w|',
  'a??a',
  '(a|b|c|d)*1',
  '(((a)))*',
  String.raw`\S+\s\S`,
];

describe('regular expressions of strangers', () => {
  test('match what Python matches', () => {
    const script = `import json,re,sys
p,t=json.load(sys.stdin)
print(json.dumps([[bool(re.match(a,b)) for b in t] for a in p]))`;
    const run = spawnSync('python3', ['-c', script], { input: JSON.stringify([PATTERNS, TEXTS]), encoding: 'utf8' });
    expect(run.stderr).toBe('');

    expect(PATTERNS.map((pattern) => TEXTS.map((text) => matchStart(pattern, text)))).toEqual(JSON.parse(run.stdout));
  });

  test.each(['(', ')', '[a', '*a', 'a{3,2}', String.raw`(a)\1`, '(?=a)', '(?i)a', 'a\\', '(a{1000}){1000}', `${'('.repeat(100)}a`])(
    '%s is refused',
    (pattern) => {
      expect(() => matchStart(pattern, 'aaa')).toThrow(RangeError);
    },
  );

  test.each(['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*)*x', 'a*a*a*a*a*a*a*a*b', '((a{1,20}){1,20}){1,5}b'])('%s takes no time', (pattern) => {
    const text = `${'a'.repeat(255)}!`;
    const began = performance.now();

    expect(matchStart(pattern, text)).toBe(false);

    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('a pattern of 100,000 characters is refused', () => {
    expect(() => matchesNode('w', 'a'.repeat(100_000), 'glob')).toThrow(RangeError);
    expect(() => matchesNode('w', 'a'.repeat(100_000), 'pcre')).toThrow(RangeError);
  });
});
