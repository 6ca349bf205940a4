import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

/** Runs one command of ours to its end, without what the environment says about brokers and apps. */
export function tq(
  args: readonly string[],
  cwd: string = tmpdir(),
  { input, ...more }: { readonly input?: string | Uint8Array; readonly [variable: `CELERY_${string}`]: string } = {},
): { code: number | null; out: string; err: string } {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CELERY_')));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd,
    env: { ...env, ...more },
    encoding: 'utf8',
    timeout: 30_000,
    ...(input === undefined ? {} : { input }),
  });
  return { code: status, out: stdout, err: stderr };
}
