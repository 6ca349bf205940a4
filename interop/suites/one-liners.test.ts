/** What a Python shop tries first: one line of Python against `tq-bridge worker`, one command against a Python worker. */

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { CeleryVersion, Child, Server } from '../../test/servers.ts';
import { pythonVenv, rabbitmq, redis, spawnReady } from '../../test/servers.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const cli = resolve(root, 'dist/cli/main.js');
const releases: readonly CeleryVersion[] = ['5.7.0', '5.6.3'];
const backends = ['rpc', 'redis'] as const;

describe.each(backends)('over RabbitMQ with %s results', (backend) => {
  let broker: Server;
  let store: Server | undefined;
  let env: NodeJS.ProcessEnv;
  let inPython: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly timeout: number };
  beforeAll(async () => {
    broker = await rabbitmq();
    store = backend === 'redis' ? await redis() : undefined;
    env = { ...process.env, CELERY_BROKER_URL: broker.url, CELERY_RESULT_BACKEND: store?.url ?? 'rpc://' };
    const python = { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' };
    inPython = { cwd: resolve(root, 'interop/python'), env: { ...env, ...python }, timeout: 60_000 };
  });
  afterAll(async () => {
    await broker?.stop();
    await store?.stop();
  });

  describe('only our worker runs', () => {
    let worker: Child;
    beforeAll(async () => {
      const args = [cli, '-A', 'tasks.ts', 'worker', '-l', 'INFO'];
      worker = await spawnReady(process.execPath, { args, cwd: resolve(root, 'interop/fixtures'), env, readyText: / ready\./ });
    });
    afterAll(() => worker?.stop());

    describe.each(releases)('Celery %s', (release) => {
      const python = async (line: string): Promise<string> =>
        (await run((await pythonVenv(release)).python, ['-c', `from shop import add, fail, now\n${line}`], inPython)).stdout.trimEnd();

      test('delay(2, 3).get() prints 5', async () => {
        expect(await python('print(add.delay(2, 3).get(timeout=20))')).toBe('5');
      });

      test("RangeError('x') arrives as an exception with message and traceback", async () => {
        const line = `result = fail.delay()
try:
    result.get(timeout=20)
except Exception as error:
    print(type(error).__name__, error.args)
    print(result.state, result.traceback)
`;
        const [raised, ...rest] = (await python(line)).split('\n');

        expect(raised).toBe("RangeError ('x',)");
        expect(rest.join('\n')).toMatch(/^FAILURE Traceback[\s\S]+tasks\.ts[\s\S]+RangeError: x/);
      });

      test('countdown=3 runs after three seconds', async () => {
        const line = 'import time; sent = time.time(); print(now.apply_async(countdown=3).get(timeout=20) - sent)';
        const waited = Number(await python(line));

        expect(waited).toBeGreaterThanOrEqual(2.99);
        expect(waited).toBeLessThan(5);
      });

      test('a past expires gives REVOKED', async () => {
        const line = `result = add.apply_async((1, 1), expires=-60)
try:
    result.get(timeout=20)
except Exception as error:
    print(type(error).__name__, result.state)
`;
        expect(await python(line)).toBe('TaskRevokedError REVOKED');
      });
    });
  });

  test.each(releases)('tq-bridge call --wait prints 5 from a Python worker of Celery %s', async (release) => {
    const { celery } = await pythonVenv(release);
    const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat'];
    const worker = await spawnReady(celery, {
      args: ['-A', 'shop', 'worker', '-P', 'solo', '-l', 'INFO', ...quiet],
      ...inPython,
      readyText: / ready\./,
    });
    // Its warm shutdown takes over ten seconds, and nothing is left to lose.
    await using _end = { [Symbol.asyncDispose]: () => worker.stop('SIGKILL') };

    const { stdout } = await run('npx', ['tq-bridge', 'call', 'tasks.add', '-a', '[2, 3]', '--wait'], { cwd: root, env, timeout: 60_000 });

    expect(stdout).toBe('5\n');
  });
});
