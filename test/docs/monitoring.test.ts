import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { Celery } from '../../src/celery.ts';

const root = new URL('../..', import.meta.url).pathname;
const guide = readFileSync(join(root, 'docs/monitoring.md'), 'utf8');

test('the traced app of the guide traces', async () => {
  const [, code = ''] = /```ts\n(\/\/ traced\.ts\n[\s\S]*?)```/.exec(guide) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'tq-traced-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'traced.mts');
  writeFileSync(file, code.replace("'tq-bridge'", `'${pathToFileURL(join(root, 'src/index.ts')).href}'`));
  const { app } = (await import(pathToFileURL(file).href)) as { readonly app: Celery };
  const headers: unknown[] = [];
  app.signals.on('before_task_publish', (told) => void headers.push(told.headers['traceparent']));

  await app.sendTask('t');
  await app.close();

  expect(headers).toEqual([expect.stringMatching(/^00-\w{32}-\w{16}-01$/) as string]);
});

test('the package that it says to install is the one that is tested, and allowed', () => {
  const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Readonly<
    Record<string, Readonly<Record<string, string>>>
  >;

  expect(guide).toContain(`@opentelemetry/api@${devDependencies?.['@opentelemetry/api']}`);
  expect(peerDependencies?.['@opentelemetry/api']).toBe('>=1.9.0 <1.10.0');
});

test('its metrics are those that are served', () => {
  const source = readFileSync(join(root, 'src/worker/monitoring/task-metrics.ts'), 'utf8');
  const served = new Set(source.match(/flower_\w+/g));

  expect(new Set(guide.match(/(?<=^\| `)flower_\w+/gm))).toEqual(served);
});
