import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { spawnReady } from '../servers.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

test('a cold shutdown kills the children, and what was late-acked is back', { timeout: 40_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tq-children-'));
  const options = { data_folder_in: join(folder, 'd'), data_folder_out: join(folder, 'd'), control_folder: join(folder, 'c') };
  const settings = { broker_url: 'filesystem://', broker_transport_options: options, result_backend: `file://${folder}/r` };
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { Celery } from '${index}';
export const app = new Celery('proj', { ...${JSON.stringify(settings)}, worker_proc_alive_timeout: 30 });
const spin = () => { console.error('pid=' + process.pid + ';'); for (;;); };
app.task('late', { acksLate: true }, spin);
app.task('early', spin);`,
  );
  await using client = new Celery('client', settings);
  await client.sendTask('late');
  const early = await client.sendTask('early');
  const { CELERY_BROKER_URL: _broker, CELERY_RESULT_BACKEND: _backend, CELERY_APP: _app, ...env } = process.env;
  const worker = await spawnReady(process.execPath, {
    args: [main, '-A', 'app', 'worker', '-l', 'INFO', '-P', 'prefork', '-c', '2'],
    cwd: folder,
    env,
    readyText: /ready\./,
    timeoutMs: 30_000,
  });
  await worker.until((output) => output.split('pid=').length === 3);
  const pids = [...worker.output().matchAll(/pid=(\d+);/g)].map(([, pid]) => Number(pid));

  process.kill(worker.pid, 'SIGQUIT');

  expect(await worker.exitCode).toBe(0);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(readdirSync(join(folder, 'd')).filter((name) => name.endsWith('.msg'))).toHaveLength(1);
  await expect(early.get({ timeout: 5 })).rejects.toMatchObject({ excType: 'WorkerLostError' });
});
