/**
 * The main job on the embedded default: a TypeScript worker and a Python Celery worker share one `filesystem://` broker,
 * and tasks cross in both directions. Run with `npm run demo`; needs Python 3 with pip and no server at all.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Celery, DateTime, TaskFailedError } from 'tq-bridge';
import { pythonVenv, spawnReady } from '../../test/servers.ts';
import type { Child } from '../../test/servers.ts';

interface Row {
  readonly call: string;
  readonly value: string;
  readonly ms: number;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'tq-bridge-demo-'));
const services: Child[] = [];
const started = performance.now();
let failed = false;

try {
  const settings = makeSettings(root);
  const env = { ...process.env, DEMO_SETTINGS: JSON.stringify(settings), PYTHONPATH: here };
  step('preparing a virtual environment with Celery 5.7.0');
  const venv = await pythonVenv('5.7.0');
  step('starting a TypeScript worker (queue ts) and a Python worker (queue py) on filesystem://');
  services.push(
    await spawnReady(process.execPath, {
      args: [cli, '-A', join(here, 'tasks.ts'), 'worker', '-Q', 'ts', '-l', 'INFO'],
      env,
      cwd: root,
      readyText: /ready\./,
    }),
    await spawnReady(venv.celery, {
      args: ['-A', 'tasks', 'worker', '-Q', 'py', '-P', 'solo', '-l', 'INFO'],
      env,
      cwd: here,
      readyText: /ready\./,
    }),
  );
  step('Python sends, TypeScript runs');
  const fromPython = await sendFromPython(venv.python, env);
  step('TypeScript sends, Python runs');
  const fromTypeScript = await sendFromTypeScript(settings);
  printTable('Python → TypeScript', fromPython);
  printTable('TypeScript → Python', fromTypeScript);
  failed = !looksRight(fromPython, fromTypeScript);
} finally {
  await Promise.all(services.map((service) => service.stop()));
  rmSync(root, { recursive: true, force: true });
}
console.log(
  failed ? '\nSomething did not cross as it should.' : `\nAll tasks crossed in ${((performance.now() - started) / 1000).toFixed(0)} s.`,
);
process.exitCode = failed ? 1 : 0;

function makeSettings(folder: string): Record<string, unknown> {
  for (const name of ['messages', 'control', 'results']) mkdirSync(join(folder, name));
  return {
    broker_url: 'filesystem://',
    broker_transport_options: {
      data_folder_in: join(folder, 'messages'),
      data_folder_out: join(folder, 'messages'),
      control_folder: join(folder, 'control'),
    },
    result_backend: `file://${join(folder, 'results')}`,
  };
}

async function sendFromPython(python: string, env: NodeJS.ProcessEnv): Promise<Row[]> {
  const { stdout } = await promisify(execFile)(python, [join(here, 'send.py')], { env, cwd: here, timeout: 120_000 });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Row);
}

async function sendFromTypeScript(settings: Record<string, unknown>): Promise<Row[]> {
  await using app = new Celery('demo', settings);
  const moment = DateTime.fromIso('2026-02-28T12:30:00.123456+00:00');
  const calls: readonly (readonly [string, readonly unknown[], Readonly<Record<string, unknown>>])[] = [
    ['py.add', [2, 3], {}],
    ['py.greet', ['Ada'], { greeting: 'Dzień dobry' }],
    ['py.next_day', [moment], {}],
    ['py.square', [2n ** 40n + 1n], {}],
    ['py.flaky', [], {}],
    ['py.fail', [], {}],
  ];
  const rows: Row[] = [];
  for (const [name, args, kwargs] of calls) {
    const start = performance.now();
    const result = await app.sendTask(name, args, { kwargs, queue: 'py' });
    const value = await result.get({ timeout: 20 }).then(show, (error: unknown) => {
      if (!(error instanceof TaskFailedError)) throw error;
      return `rejects with ${error.excModule}.${error.excType}(${error.excMessage.map(show).join(', ')})`;
    });
    const call = [...args.map(show), ...Object.entries(kwargs).map(([key, item]) => `${key}: ${show(item)}`)].join(', ');
    rows.push({ call: `${name}(${call})`, value, ms: Math.round(performance.now() - start) });
  }
  return rows;
}

function show(value: unknown): string {
  if (value instanceof DateTime) return value.isoformat();
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function looksRight(fromPython: readonly Row[], fromTypeScript: readonly Row[]): boolean {
  const values = [...fromPython, ...fromTypeScript].map((row) => row.value);
  const expected = [
    '5',
    'żółta_łódź',
    'RangeError',
    '39.98',
    '1208925819616828197961729',
    'Dzień dobry, Ada!',
    '2026-03-01T12:30',
    'ok after 1 retry',
    'ValueError',
  ];
  return expected.every((text) => values.some((value) => value.includes(text)));
}

function printTable(title: string, rows: readonly Row[]): void {
  const width = Math.max(...rows.map((row) => row.call.length));
  console.log(`\n${title}`);
  for (const row of rows) console.log(`  ${row.call.padEnd(width)}  →  ${row.value}  (${row.ms} ms)`);
}

function step(text: string): void {
  console.log(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
}
