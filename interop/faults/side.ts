/** The two workers, each as its users start it. */

import { resolve } from 'node:path';
import { pythonVenv, spawnReady } from '../../test/servers.ts';
import type { Child } from '../../test/servers.ts';

/** The release whose column is measured. */
export const CELERY = '5.7.0';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** How one worker is started. */
export interface Start {
  readonly node: string;
  readonly pool: 'async' | 'prefork';
  readonly env: Readonly<Record<string, string>>;
  /** What it prints when it has come as far as the scenario needs. */
  readonly ready: RegExp;
}

/** One of the two columns. */
export interface Side {
  readonly name: 'ours' | 'python';
  readonly start: (options: Start) => Promise<Child>;
}

const QUIET = ['--without-gossip', '--without-mingle'];

const ours: Side = {
  name: 'ours',
  start: ({ node, pool, env, ready }) =>
    spawnReady(process.execPath, {
      args: [MAIN, '-A', `${import.meta.dirname}/app.ts`, 'worker', '-P', pool, '-n', node, '-l', 'INFO', ...QUIET],
      env: { ...process.env, ...env },
      readyText: ready,
    }),
};

const python: Side = {
  name: 'python',
  start: async ({ node, env, ready }) => {
    const { celery } = await pythonVenv(CELERY);
    return spawnReady(celery, {
      args: ['-A', 'app', 'worker', '-P', 'prefork', '-n', node, '-l', 'INFO', ...QUIET],
      cwd: import.meta.dirname,
      env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', ...env },
      readyText: ready,
    });
  },
};

export const SIDES: readonly Side[] = [ours, python];
