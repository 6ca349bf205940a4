import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { SIGNAL_NAMES } from '../../src/app/signals.ts';
import type { Celery } from '../../src/celery.ts';
import { silentLogger } from '../../src/base/logger.ts';

const guide = readFileSync(new URL('../../docs/worker.md', import.meta.url), 'utf8');

test('the steps of the operator’s guide start and stop with a worker', async () => {
  const [, code = ''] = /```ts\n(\/\/ steps\.ts\n[\s\S]*?)```/.exec(guide) ?? [];
  const file = join(mkdtempSync(join(tmpdir(), 'tq-steps-')), 'steps.mts');
  writeFileSync(file, code.replace("'tq-bridge'", `'${new URL('../../src/index.ts', import.meta.url).href}'`));
  const { app } = (await import(pathToFileURL(file).href)) as { readonly app: Celery };
  const lines: string[] = [];
  app.setLogger({ ...silentLogger, info: (text) => void lines.push(text) });

  const worker = app.worker();
  await worker.start();
  await worker.stop();
  await app.close();

  expect(lines[0]).toBe('connected');
  expect(lines[1]).toMatch(/ready\.$/);
});

test('it lists every signal there is', () => {
  const [, section = ''] = /## Hooks\n([\s\S]*?)\n## /.exec(guide) ?? [];

  for (const name of SIGNAL_NAMES) expect(section).toContain(`\`${name}\``);
});
