import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: root })].toSorted();

/** What a document promises to be there, as paths from the root. */
function promised(document: string): string[] {
  const text = read(document);
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, target]) => join(dirname(document), target ?? ''));
  const named = [...text.matchAll(/`((?:docs|src|test|bench|examples)\/[\w./-]+\.\w+)`/g)].map(([, target]) => target ?? '');
  return [...new Set([...links, ...named])];
}

describe('documents', () => {
  test.each(documents)('every file that %s names is there', (document) => {
    expect(promised(document).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('every document that the code points to is there', () => {
    const pointers = globSync('src/**/*.ts', { cwd: root }).flatMap((file) => read(file).match(/\bdocs\/[\w./-]+\.md\b/g) ?? []);

    expect(pointers.length).toBeGreaterThan(0);
    expect(pointers.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('every document that the package ships is there', () => {
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };

    expect(files.filter((path) => path.endsWith('.md') && globSync(path, { cwd: root }).length === 0)).toEqual([]);
  });

  test('every npm script that a document names exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    const named = documents.flatMap((document) => [...read(document).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? ''));

    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe('decisions', () => {
  const decisions = globSync('docs/decisions/*.md', { cwd: root });

  test('every number is there once', () => {
    const numbers = decisions.map((path) => Number(/(\d{4})-/.exec(path)?.[1])).toSorted((a, b) => a - b);

    expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
  });

  test.each(decisions)('%s has its six parts on one page', (path) => {
    const text = read(path);

    for (const part of ['Status', 'Context', 'Decision', 'Alternatives', 'Consequences', 'How we would know it was wrong'])
      expect(text).toContain(`**${part}.**`);
    expect(text.split('\n').length).toBeLessThanOrEqual(60);
  });
});

test('every case of a hostile message that the protocol names is run', () => {
  const cases = globSync('interop/hostile/*.ts', { cwd: root }).map(read).join('\n');
  const named = new Set(read('docs/protocol.md').match(/\b[HCBX]\d{2}\b/g));

  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((name) => !cases.includes(`'${name} `))).toEqual([]);
});

test('every test that the protocol quotes has such a title', () => {
  const titles = globSync('test/**/*.ts', { cwd: root }).map(read).join('\n');
  const quoted = [...read('docs/protocol.md').matchAll(/(?:`test\/[^`]+`|;) "([^"]+)"/g)].map(([, title]) => title ?? '');

  expect(quoted.length).toBeGreaterThan(10);
  expect(quoted.filter((title) => !titles.includes(title))).toEqual([]);
});
