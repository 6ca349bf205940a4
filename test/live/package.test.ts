/** The tarball of `npm pack`, installed in an empty project under each Node that it promises to run on. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { rabbitmq, spawnReady } from '../servers.ts';
import type { Server } from '../servers.ts';

const exec = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const { devDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { devDependencies: Record<string, string> };
/** The newest Node 22, and the Node of development. */
const nodes = ['22.23.3', devDependencies['node']];

const script = `import { Celery } from 'tq-bridge';

export const app = new Celery('consumer');

app.task('tasks.add', { params: ['x', 'y'] }, (XYx, XYy) => x + y);
app.task('tasks.node', () => process.version);
app.task('tasks.fail', () => {
  throw new RangeError('x');
});
`;
const javascript = script.replaceAll('XY', '');
const typescript = script.replace('XYx, XYy', 'x: number, y: number').replace('app =', 'app: Celery =');

/** Imports whatever package.json exports and prints how many names each has; publint sees to it that a pattern has files. */
const importAll = `import { readdirSync } from 'node:fs';
import manifest from 'tq-bridge/package.json' with { type: 'json' };
const files = readdirSync(new URL('node_modules/tq-bridge/', import.meta.url), { recursive: true });
const counts = {};
for (const path of Object.keys(manifest.exports)) {
  const [start, end] = path.slice(2).split('*');
  const names = end === undefined ? [start] : files.filter((file) => file.startsWith(start) && file.endsWith('.json'));
  for (const name of names) {
    const options = name.endsWith('.json') ? { with: { type: 'json' } } : {};
    const specifier = name === '' ? 'tq-bridge' : 'tq-bridge/' + name;
    counts[specifier] = Object.keys(await import(specifier, options)).length;
  }
}
console.log(JSON.stringify(counts));
`;

const importTypes = `import { Celery } from 'tq-bridge';
import type { AsyncResult } from 'tq-bridge';
import * as worker from 'tq-bridge/worker';
import * as protocol from 'tq-bridge/protocol';
import * as transport from 'tq-bridge/transport';
import * as backend from 'tq-bridge/backend';

export const rooms = [worker, protocol, transport, backend];
export async function send(app: Celery): Promise<unknown> {
  const result: AsyncResult = await app.sendTask('tasks.add', [2, 3], { countdown: 1 });
  return result.get({ timeout: 10 });
}
`;

/** Our environment without what npm tells the scripts it runs, and with the project's own commands first. */
function environment(project: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command|execpath|node|config_local)|INIT_CWD|CELERY_)/.test(name),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...Object.fromEntries(own), PATH: [join(project, 'node_modules/.bin'), ...path].join(delimiter), ...more };
}

let folder: string;
let tarball: string;
let broker: Server;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tq-package-'));
  const { stdout } = await exec('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
  tarball = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  broker = await rabbitmq();
});
afterAll(async () => {
  await broker?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each(nodes)('installed under Node %s', (node) => {
  let project: string;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    project = join(folder, `node-${node}`);
    await mkdir(project);
    const manifest = { name: 'consumer', private: true, type: 'module', allowScripts: { node: true } };
    await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(project, 'tasks.js'), javascript);
    await writeFile(join(project, 'tasks.ts'), typescript);
    env = environment(project, { CELERY_BROKER_URL: broker.url, CELERY_RESULT_BACKEND: 'rpc://' });
    const types = `@types/node@${devDependencies['@types/node']}`;
    await exec('npm', ['install', '--no-audit', '--no-fund', tarball, `node@${node}`, types], { cwd: project, env });
  });

  const call = (...args: readonly string[]): Promise<{ stdout: string }> =>
    exec('npx', ['tq-bridge', 'call', ...args, '--wait', '--timeout', '20'], { cwd: project, env });

  test.each(['tasks.ts', 'tasks.js'])('its worker runs %s, and call prints what it answers', async (module) => {
    const args = ['-A', module, 'worker', '-l', 'INFO'];
    await using worker = await spawnReady(join(project, 'node_modules/.bin/tq-bridge'), { args, cwd: project, env, readyText: / ready\./ });

    expect(await call('tasks.add', '-a', '[2, 3]')).toMatchObject({ stdout: '5\n' });
    expect(await call('tasks.node')).toMatchObject({ stdout: `v${node}\n` });
    await expect(call('tasks.fail')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('RangeError') as string });

    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.exitCode).toBe(0);
  });

  test('everything that it exports can be imported', async () => {
    await writeFile(join(project, 'import-all.js'), importAll);
    const { stdout } = await exec('node', ['import-all.js'], { cwd: project, env });
    const counts = JSON.parse(stdout) as Record<string, number>;

    expect(counts).toMatchObject({ 'tq-bridge': expect.any(Number) as number, 'tq-bridge/package.json': 1 });
    expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
  });

  test.each([
    ['with Node’s types', ['node']],
    ['without them', []],
  ])('its types compile for a consumer %s', async (_how, types) => {
    const compilerOptions = {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types,
    };
    await writeFile(join(project, 'consumer.ts'), importTypes);
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));

    const { stdout } = await exec(`${root}node_modules/.bin/tsc`, ['-p', project], { cwd: project }).catch(
      (error: unknown) => error as { stdout: string },
    );

    expect(stdout).toBe('');
  });
});
