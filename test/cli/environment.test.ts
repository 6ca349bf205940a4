import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { spawnReady } from '../servers.ts';
import { tq } from './tq.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tq-env-'));
  // What the options came to, told before anything is opened.
  const code = `import { Celery } from '${index}';
export const app = new Celery('proj', { broker_url: 'memory://env' });
app.signals.on('celeryd_init', ({ hostname, options: { source: _source, ...options } }) => {
  console.log(JSON.stringify({ hostname, ...options }));
  process.exit(0);
});
`;
  writeFileSync(join(folder, 'app.mjs'), code);
});

type Variables = Readonly<Record<`CELERY_${string}`, string>>;

function workerOptions(variables: Variables, args: readonly string[] = []): Readonly<Record<string, unknown>> {
  const { out, err } = tq(['-A', 'app', 'worker', ...args], folder, variables);
  expect(err).toBe('');
  return JSON.parse(out) as Readonly<Record<string, unknown>>;
}

/** What a command of the message kind would send: nothing is opened. */
function encoded(variables: Variables, args: readonly string[] = []): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const { out, err } = tq(['encode', 't', ...args], folder, variables);
  expect(err).toBe('');
  return JSON.parse(out) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe('options from the environment', { timeout: 30_000 }, () => {
  test('every option of a worker has a variable', () => {
    const variables: Variables = {
      CELERY_WORKER_HOSTNAME: 'w9@h',
      CELERY_WORKER_CONCURRENCY: '7',
      CELERY_WORKER_POOL: 'prefork',
      CELERY_WORKER_QUEUES: 'celery',
      CELERY_WORKER_EXCLUDE_QUEUES: 'nothing',
      CELERY_WORKER_PREFETCH_MULTIPLIER: '3',
      CELERY_WORKER_STATEDB: 'worker.db',
      CELERY_WORKER_WITHOUT_MINGLE: 'yes',
      CELERY_WORKER_WITHOUT_GOSSIP: 'TRUE',
      CELERY_WORKER_WITHOUT_HEARTBEAT: '1',
      CELERY_WORKER_HEARTBEAT_INTERVAL: '2.5',
      CELERY_WORKER_TIME_LIMIT: '10',
      CELERY_WORKER_SOFT_TIME_LIMIT: '5.5',
      CELERY_WORKER_MAX_TASKS_PER_CHILD: '100',
      CELERY_WORKER_MAX_MEMORY_PER_CHILD: '200000',
      CELERY_WORKER_TASK_EVENTS: 'on',
      CELERY_WORKER_PURGE: 't',
      CELERY_WORKER_DISABLE_PREFETCH: 'off',
      CELERY_WORKER_HEALTH_PORT: '8080',
      CELERY_WORKER_METRICS_PORT: '9100',
      CELERY_WORKER_HEALTH_HOST: '::1',
    };

    expect(workerOptions(variables)).toEqual({
      hostname: 'w9@h',
      concurrency: 7,
      pool: 'prefork',
      queues: ['celery'],
      excludeQueues: ['nothing'],
      prefetchMultiplier: 3,
      statedb: 'worker.db',
      withoutMingle: true,
      withoutGossip: true,
      withoutHeartbeat: true,
      heartbeatInterval: 2.5,
      timeLimit: 10,
      softTimeLimit: 5.5,
      maxTasksPerChild: 100,
      maxMemoryPerChild: 200_000,
      taskEvents: true,
      purge: true,
      disablePrefetch: false,
      healthPort: 8080,
      metricsPort: 9100,
      healthHost: '::1',
    });
  });

  test.each([[['-c', '2']], [['-c2']], [['--concurrency=2']], [['--concurrency', '2']]])('the command line wins over them: %j', (args) => {
    expect(workerOptions({ CELERY_WORKER_CONCURRENCY: '7' }, args)['concurrency']).toBe(2);
    // What is not used is not judged.
    expect(workerOptions({ CELERY_WORKER_CONCURRENCY: 'x' }, args)['concurrency']).toBe(2);
  });

  test('a flag on the command line wins too, and an error there is not blamed on a variable', () => {
    expect(workerOptions({ CELERY_WORKER_PURGE: 'maybe' }, ['--purge'])['purge']).toBe(true);
    const { err } = tq(['-A', 'app', 'worker', '-c', 'x'], folder, { CELERY_WORKER_CONCURRENCY: '7' });
    expect(err).toContain("--concurrency takes a whole number of 0 or more, or auto, not 'x'");
  });

  test('an empty one is none, a flag that is off is not on, and those of others are none of ours', () => {
    const variables: Variables = {
      CELERY_WORKER_CONCURRENCY: '',
      CELERY_WORKER_TIME_LIMIT: '',
      CELERY_WORKER_PURGE: 'No',
      CELERY_WORKER_BEAT: '0',
      CELERY_WORKER_UNHEARD_OF: '1',
      CELERY_CALL_QUEUE: 'q',
      CELERY_LOADER: 'default',
      CELERY_CONFIG_MODULE: 'celeryconfig',
    };

    expect(workerOptions(variables)).toMatchObject({ purge: false });
    expect(workerOptions(variables)).not.toHaveProperty('concurrency');
  });

  test('a flag without value is read as one, and a name as the name it is', () => {
    expect(workerOptions({ CELERY_WORKER_HOSTNAME: '--purge' })['hostname']).toContain('--purge');
  });

  test('options of every command have one for all, and one for each command', () => {
    expect(tq(['encode', 't'], folder, { CELERY_WORKDIR: '/nowhere/at/all' }).err).toContain('/nowhere/at/all');
    expect(tq(['encode', 't'], folder, { CELERY_WORKDIR: '/nowhere/at/all', CELERY_ENCODE_WORKDIR: folder }).err).toBe('');
    expect(tq(['encode', 't', '--workdir', folder], folder, { CELERY_WORKDIR: '/nowhere/at/all' }).err).toBe('');
  });

  test('other commands have theirs', () => {
    const { headers } = encoded({ CELERY_ENCODE_ID: 'the-id', CELERY_ENCODE_KWARGS: '{"x": "a b"}', CELERY_ENCODE_NAME: 'not this' });

    expect(headers).toMatchObject({ id: 'the-id', task: 't', kwargsrepr: "{'x': 'a b'}" });
    expect(encoded({ CELERY_ENCODE_ID: 'a' }, ['--id', 'b'])['headers']).toMatchObject({ id: 'b' });
  });

  test('the app is found by CELERY_APP as before', () => {
    const { err, code } = tq(['worker'], folder, { CELERY_APP: 'app', CELERY_WORKER_HOSTNAME: 'x' });

    expect([code, err]).toEqual([0, '']);
  });

  test.each([
    ['CELERY_WORKER_CONCURRENCY', 'many', 'CELERY_WORKER_CONCURRENCY takes a whole number'],
    ['CELERY_WORKER_TIME_LIMIT', 'x', "CELERY_WORKER_TIME_LIMIT takes a number, not 'x'"],
    ['CELERY_WORKER_HEALTH_PORT', '99999', 'CELERY_WORKER_HEALTH_PORT takes a port'],
    ['CELERY_WORKER_LOGLEVEL', 'LOUD', 'CELERY_WORKER_LOGLEVEL takes DEBUG'],
    ['CELERY_WORKER_LOG_FORMAT', 'xml', 'CELERY_WORKER_LOG_FORMAT'],
    ['CELERY_WORKER_PURGE', 'maybe', "CELERY_WORKER_PURGE takes 1 or 0, yes or no, true or false, on or off, not 'maybe'"],
    ['CELERY_WORKER_POOL', 'threadz', 'CELERY_WORKER_POOL'],
    ['CELERY_WORKER_OPTIMIZATION', 'best', 'CELERY_WORKER_OPTIMIZATION'],
    ['CELERY_WORKER_AUTOSCALE', '1,2,3', 'CELERY_WORKER_AUTOSCALE takes max,min'],
    ['CELERY_WORKER_BEAT', '1', 'CELERY_WORKER_BEAT is a flag of celery worker that tq-bridge does not support yet'],
  ] as const)('a wrong %s=%s names the variable', (variable, value, text) => {
    const { code, err } = tq(['-A', 'app', 'worker'], folder, { [variable]: value });

    expect(code).toBe(2);
    expect(err).toContain(text);
  });

  test('help says so', () => {
    expect(tq(['--help']).out).toContain('CELERY_<COMMAND>_<OPTION>');
    expect(tq(['worker', '--help']).out).toContain('Options are also read from CELERY_WORKER_<OPTION>');
  });

  test('a worker that is started with them runs', async () => {
    const file = join(folder, 'runs.mjs');
    writeFileSync(file, `import { Celery } from '${index}';\nexport const app = new Celery('proj', { broker_url: 'memory://env' });\n`);
    await using worker = await spawnReady(process.execPath, {
      args: [main, 'worker'],
      cwd: folder,
      env: {
        ...process.env,
        CELERY_APP: 'runs',
        CELERY_WORKER_LOGLEVEL: 'info',
        CELERY_WORKER_HOSTNAME: 'fromenv@h',
        CELERY_WORKER_CONCURRENCY: '3',
      },
      readyText: /ready\./,
    });

    expect(worker.output()).toContain('fromenv@h ready.');
    expect(worker.output()).toContain('concurrency: 3');
  });
});
