import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { rabbitmq, spawnReady } from '../servers.ts';
import type { Server } from '../servers.ts';
import { redisBinary, startRedis } from '../servers/redis.ts';

const SECRET = 'c4nary';
const root = new URL('../..', import.meta.url).pathname;
const binary = await redisBinary();

// Passwords are set on the store: it has to be our own.
describe.skipIf(binary === undefined)('a password', () => {
  let broker: Server;
  let store: Server;
  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), startRedis(binary ?? '')]);
    const admin = new Redis(store.url);
    await admin.config('SET', 'requirepass', 'another');
    admin.disconnect();
  });
  afterAll(async () => {
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  const refusedBroker = (): string => broker.url.replace('guest:guest@', `guest:${SECRET}@`);
  const refusedStore = (): string => store.url.replace('redis://', `redis://:${SECRET}@`);
  const command = (args: readonly string[]): string => {
    const { stdout, stderr } = spawnSync(process.execPath, [`${root}dist/cli/main.js`, '--debug', ...args], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, FIXTURE_QUEUE: `secrets-${randomUUID()}` },
    });
    return stdout + stderr;
  };

  test('that the broker refuses is in no error and no line', async () => {
    const { lines, logger } = logbook();
    await using app = new Celery('secrets', { broker_url: refusedBroker(), task_publish_retry: false });
    app.setLogger(logger);

    const failure: unknown = await app.sendTask('t').catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(Error);
    expect(inspect(failure)).toMatch(/ACCESS_REFUSED|403/);
    expect(inspect(failure, { depth: 12, showHidden: true }) + lines.join('\n')).not.toContain(SECRET);
  });

  test('that the result store refuses is in no error and no line', async () => {
    const { lines, logger } = logbook();
    await using app = new Celery('secrets', { broker_url: 'memory://', result_backend: refusedStore() });
    app.setLogger(logger);

    const failure: unknown = await app
      .asyncResult('id')
      .state()
      .catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(Error);
    expect(inspect(failure)).toMatch(/WRONGPASS|NOAUTH/);
    expect(inspect(failure, { depth: 12, showHidden: true }) + lines.join('\n')).not.toContain(SECRET);
  });

  test('is in nothing that commands print', () => {
    const lists = `amqp://guest:${SECRET}@127.0.0.1:1//;${refusedBroker()}`;
    const outputs = [
      command(['-b', lists, 'call', 't']),
      command([`--broker=${refusedBroker()}`, 'call', 't']),
      command(['-b', 'memory://', '--result-backend', refusedStore(), 'result', 'id', '--no-wait']),
      command(['-b', `nobody://u:${SECRET}@h`, 'call', 't']),
      command(['-A', `amqp://u:${SECRET}@h`, 'call', 't']),
      command(['worker', `amqp://u:${SECRET}@h`]),
      command([`amqp://u:${SECRET}@h`]),
      command(['call', 't', '--queue', 'q', `--nobody=amqp://u:${SECRET}@h`]),
    ];
    for (const output of outputs) {
      expect(output).toMatch(/Error: /);
      expect(output).not.toContain(SECRET);
    }
  });

  test.skipIf(process.platform !== 'linux')('of a worker’s command line is not in what ps shows, nor in its log', async () => {
    const url = `amqp://guest:${SECRET}@127.0.0.1:1//`;
    await using worker = await spawnReady(process.execPath, {
      args: [`${root}dist/cli/main.js`, '-A', `${root}test/fixtures/tasks.ts`, '-b', url, `--result-backend=${refusedStore()}`, 'worker'],
      readyText: /Trying again/,
    });

    const shown = readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8');
    expect(shown).toContain('amqp://guest:**@127.0.0.1:1//');
    expect(shown).not.toContain(SECRET);
    expect(worker.output()).toContain('127.0.0.1:1');
    expect(worker.output()).not.toContain(SECRET);
  });
});

function logbook(): { readonly lines: string[]; readonly logger: typeof silentLogger } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { lines, logger: { ...silentLogger, info: write, warning: write, error: write, critical: write, isEnabled: () => true } };
}
