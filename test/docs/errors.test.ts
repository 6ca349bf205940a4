import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const codes = (text: string): string[] => [...new Set(text.match(/\bERR_[A-Z_]+\b/g) ?? [])].filter((code) => code !== 'ERR_').toSorted();

test('the table of errors lists exactly the codes there are', () => {
  const union = read('src/base/errors.ts').split('export class')[0] ?? '';

  expect(codes(read('docs/errors.md'))).toEqual(codes(union));
});
