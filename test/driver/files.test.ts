import { mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { replaceFile } from '../../src/driver/files.ts';

test('a file is replaced whole, and what cannot be leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tq-files-'));
  await replaceFile(join(folder, 'kept'), 'old', '1');
  await replaceFile(join(folder, 'kept'), 'new', '2');
  await mkdir(join(folder, 'taken', 'inside'), { recursive: true });

  await expect(replaceFile(join(folder, 'taken'), 'x', '3')).rejects.toThrow();

  expect(await readFile(join(folder, 'kept'), 'utf8')).toBe('new');
  expect((await readdir(folder)).toSorted()).toEqual(['kept', 'taken']);
});
