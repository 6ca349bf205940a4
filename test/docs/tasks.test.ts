import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { Celery } from '../../src/celery.ts';

const guide = readFileSync(new URL('../../docs/tasks.md', import.meta.url), 'utf8');

test('the tasks of the guide do what it says', async () => {
  const [, code = ''] = /```ts\n(\/\/ orders\.ts\n[\s\S]*?)```/.exec(guide) ?? [];
  const file = join(mkdtempSync(join(tmpdir(), 'tq-tasks-')), 'orders.mts');
  writeFileSync(file, code.replace("'tq-bridge'", `'${new URL('../../src/index.ts', import.meta.url).href}'`));
  const { app } = (await import(pathToFileURL(file).href)) as { readonly app: Celery };
  await using _app = app;
  await using worker = app.worker();
  await worker.start();
  const run = async (name: string, args: unknown[], kwargs = {}): Promise<unknown> =>
    (await app.sendTask(name, args, { kwargs })).get({ timeout: 5 });

  expect(await run('orders.price', ['abc'], { quantity: 3 })).toBe(9);
  expect(await run('orders.ship', ['o1'])).toBe('o1, 36 letters');
  await expect(run('orders.ship', [''])).rejects.toMatchObject({ excType: 'Reject' });
  await expect(run('orders.price', [])).rejects.toThrow(/missing 1 required positional argument: 'sku'/);
  expect(await run('orders.log', ['hello'])).toBeNull();
});

test('it names every option of a task and every member of its context', () => {
  const source = readFileSync(new URL('../../src/app/task.ts', import.meta.url), 'utf8');
  const members = (name: string): string[] => {
    const [, body = ''] = new RegExp(`interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source) ?? [];
    return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(:]/gm)].map(([, member]) => member ?? '');
  };
  const wanted = [...members('TaskOptions'), ...members('RetryOptions'), ...members('TaskContext')];

  expect(wanted.length).toBeGreaterThan(50);
  expect(wanted.filter((member) => member !== 'isEager' && !new RegExp(`\\b${member}\\b`).test(guide))).toEqual([]);
});
