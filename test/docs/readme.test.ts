import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonVenv, rabbitmq, spawnReady } from '../servers.ts';
import type { Child, Server } from '../servers.ts';

const root = new URL('../..', import.meta.url).pathname;
const readme = readFileSync(`${root}README.md`, 'utf8');
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, code]) => ({ language, code: code ?? '' }));

/** A block of code by the file name in its first line. */
function fileBlock(name: string): string {
  const block = blocks.find(({ code }) => code.startsWith(`// ${name}`));
  if (block === undefined) throw new Error(`the README has no ${name}`);
  return block.code;
}

let server: Server;
let worker: Child;
let folder: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await rabbitmq();
  // A project of a user's own: the package by its name, URLs from the environment.
  folder = mkdtempSync(join(tmpdir(), 'tq-readme-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  execFileSync('mkdir', ['node_modules'], { cwd: folder });
  symlinkSync(root, join(folder, 'node_modules/tq-bridge'));
  for (const name of ['tasks.ts', 'send.ts']) writeFileSync(join(folder, name), fileBlock(name));
  env = { ...process.env, CELERY_BROKER_URL: server.url, CELERY_RESULT_BACKEND: 'rpc://' };
  worker = await spawnReady(process.execPath, {
    args: [cli, ...shellWords('npx tq-bridge -A tasks.ts worker')],
    cwd: folder,
    env,
    readyText: /ready\./,
  });
});
afterAll(async () => {
  await worker?.stop();
  await server?.stop();
});

const cli = `${root}dist/cli/main.js`;

/** The arguments of the README's command that starts like this. */
function shellWords(start: string): string[] {
  const line = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .find((text) => text.startsWith(start));
  if (line === undefined) throw new Error(`the README has no command ${start}`);
  return (line.slice('npx tq-bridge '.length).match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

test('send.ts prints what tasks.ts computed', () => {
  expect(execFileSync(process.execPath, ['send.ts'], { cwd: folder, env, encoding: 'utf8' })).toBe('5\n');
});

test('the call command prints the result', () => {
  expect(
    execFileSync(process.execPath, [cli, ...shellWords('npx tq-bridge -A tasks.ts call')], { cwd: folder, env, encoding: 'utf8' }),
  ).toBe('5\n');
});

test('Python calls it as it calls any task', async () => {
  const call = /`(app\.send_task\([^`]*)`/.exec(readme)?.[1];
  const { python } = await pythonVenv('5.7.0');
  const script = `import os; from celery import Celery; app = Celery(broker=os.environ['CELERY_BROKER_URL'], backend='rpc://'); print(${call})`;

  expect(execFileSync(python, ['-c', script], { env, encoding: 'utf8' })).toBe('5\n');
});

test('the two commands are scripts of the package', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };
  const commands = blocks.flatMap(({ code }) => [...code.matchAll(/npm (?:run )?(demo|test)\b/g)].map(([, name]) => name ?? ''));

  expect(commands.toSorted()).toEqual(['demo', 'test']);
  expect(commands.every((name) => scripts[name] !== undefined)).toBe(true);
});
