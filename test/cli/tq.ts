import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Runs one command of ours to its end, without what the environment says about brokers and apps. */
export function tq(
  args: readonly string[],
  cwd: string = tmpdir(),
  { input, ...more }: { readonly input?: string | Uint8Array; readonly CELERY_APP?: string } = {},
): { code: number | null; out: string; err: string } {
  const { CELERY_BROKER_URL: _broker, CELERY_RESULT_BACKEND: _backend, CELERY_APP: _app, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd,
    env: { ...env, ...more },
    encoding: 'utf8',
    timeout: 30_000,
    ...(input === undefined ? {} : { input }),
  });
  return { code: status, out: stdout, err: stderr };
}
