/** Signed tasks in both directions: signers of the store, one of a CA, one that expires meanwhile, one that nobody knows. */

import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { silentLogger } from '../../src/base/logger.ts';
import { Celery } from '../../src/celery.ts';
import { KeyFolder, name, rsaKeys } from '../../test/certificates.ts';
import type { Signing } from '../../test/certificates.ts';
import type { CeleryVersion, Child, Server } from '../../test/servers.ts';
import { pythonVenv, rabbitmq, spawnReady } from '../../test/servers.ts';
import { driverReady } from '../driver.ts';

const releases: readonly CeleryVersion[] = (['5.7.0', '5.6.3', '5.4.0', '5.3.6'] as const).filter((release) =>
  (process.env['TQ_CELERY'] ?? release).includes(release),
);
/** Serializers inside a signed body. */
const inner = ['json', 'msgpack', 'yaml'] as const;
const wait = { timeout: 20 };
const python = resolve(import.meta.dirname, '../python');

/** Releases that read and write the layout of today. */
const readsOurs = (release: CeleryVersion): boolean => release === '5.7.0' || release === '5.6.3';

let broker: Server;
beforeAll(async () => {
  broker = await rabbitmq();
});
afterAll(async () => broker?.stop());

const environment = (queue: string, settings: object): NodeJS.ProcessEnv => ({
  ...process.env,
  PYTHONUNBUFFERED: '1',
  PYTHONDONTWRITEBYTECODE: '1',
  TQ_BROKER: broker.url,
  TQ_BACKEND: 'rpc://',
  TQ_CONF: JSON.stringify({ task_default_queue: queue, ...settings }),
});

/** Keys of everybody in one suite. `soon` expires while the workers run. */
class Cast implements Disposable {
  readonly keys = new KeyFolder();
  readonly ours: Signing = this.keys.add('ours');
  readonly self: Signing = this.keys.add('self');
  readonly ca: Signing = this.keys.add('of-a-ca', { issuer: name([10, 'Our CA'], [3, 'root']), serial: 4096n, by: rsaKeys().privateKey });
  readonly unknown: Signing = this.keys.add('unknown', { stored: false });
  readonly expiry: Date = new Date(Math.ceil(Date.now() / 1000) * 1000 + 12_000);
  readonly soon: Signing = this.keys.add('soon', { notAfter: this.expiry });

  async expired(): Promise<void> {
    await expect.poll(() => Date.now() > this.expiry.getTime(), { timeout: 15_000 }).toBe(true);
  }

  [Symbol.dispose](): void {
    this.keys[Symbol.dispose]();
  }
}

describe.each(releases)('signed by Celery %s', (release) => {
  const queue = `from-${release}`;
  const lines: string[] = [];
  let cast: Cast;
  let app: Celery;
  let driver: Child;
  let ask: (command: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;

  beforeAll(async () => {
    const venv = await pythonVenv(release);
    cast = new Cast();
    app = new Celery('signed', { broker_url: broker.url, result_backend: 'rpc://', task_default_queue: queue, ...cast.ours });
    const note = (line: string): void => void lines.push(line);
    app.setLogger({ ...silentLogger, error: note, critical: note, isEnabled: () => true });
    app.setupSecurity();
    app.task('ts.add', (x: number, y: number) => x + y);
    await app.worker().start();
    driver = await spawnReady(venv.python, {
      args: ['-W', 'ignore', 'signed_driver.py'],
      cwd: python,
      env: environment(queue, { task_serializer: 'auth' }),
      readyText: driverReady,
    });
    const replies = createInterface({ input: driver.stdout })[Symbol.asyncIterator]();
    ask = async (command) => {
      driver.stdin.write(`${JSON.stringify(command)}\n`);
      const reply = JSON.parse((await replies.next()).value as string) as Record<string, unknown>;
      if (reply['broken'] !== undefined) throw new Error(String(reply['broken']));
      return reply;
    };
  });
  afterAll(async () => {
    await driver?.stop();
    await app?.close();
    cast?.[Symbol.dispose]();
  });

  const signAs = (signer: Signing, serializer = 'json'): Promise<unknown> =>
    ask({ key: signer.security_key, cert: signer.security_certificate, inner: serializer });
  const add = (options = {}): Promise<Record<string, unknown>> => ask({ send: 'ts.add', args: [2, 3], options, get: 20 });

  test.each(inner)('a task with %s inside runs here, of a signer alone and of one with a CA', async (serializer) => {
    for (const signer of [cast.self, cast.ca]) {
      await signAs(signer, serializer);
      expect(await add()).toMatchObject({ value: 5 });
    }
  });

  test('tasks of an unknown signer, of one that has expired, and unsigned ones do not run', async () => {
    await signAs(cast.unknown);
    await ask({ send: 'ts.add', args: [1, 1] });
    await signAs(cast.soon);
    await cast.expired();
    await ask({ send: 'ts.add', args: [1, 1] });
    await ask({ send: 'ts.add', args: [1, 1], options: { serializer: 'json' } });
    await signAs(cast.self);

    expect(await add()).toMatchObject({ value: 5 });
    expect(lines).toEqual([
      expect.stringContaining("Unknown certificate: 'DE Acme Inc unknown 737894404660'"),
      expect.stringContaining("Expired certificate: 'DE Acme Inc soon 737894404660'"),
      expect.stringContaining('untrusted content of type application/json'),
    ]);
  });
});

// Celery 5.4 has no worker that reads signed tasks: it fails over every certificate of its store.
describe.each(releases.filter((release) => release !== '5.4.0'))('signed here for Celery %s', (release) => {
  const queue = `to-${release}`;
  const apps: Celery[] = [];
  let cast: Cast;
  let worker: Child;

  beforeAll(async () => {
    const venv = await pythonVenv(release);
    cast = new Cast();
    worker = await spawnReady(venv.celery, {
      args: [
        '-A',
        'signed_app',
        'worker',
        '-P',
        'solo',
        '-l',
        'INFO',
        '-Q',
        queue,
        '--without-gossip',
        '--without-mingle',
        '--without-heartbeat',
      ],
      cwd: python,
      env: environment(queue, cast.self),
      readyText: / ready\./,
    });
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await worker?.stop();
    cast?.[Symbol.dispose]();
  });

  const client = (signer: object, options?: { readonly serializer: string }): Celery => {
    const app = new Celery('client', { broker_url: broker.url, result_backend: 'rpc://', task_default_queue: queue, ...signer });
    if ('security_key' in signer) app.setupSecurity(options);
    apps.push(app);
    return app;
  };
  const refused = (count: number): Promise<void> =>
    worker.until((output) => (output.match(/Refusing to|Can't decode message body/g) ?? []).length >= count);

  test.runIf(readsOurs(release)).each(inner)(
    'a task with %s inside runs there, strict or not, of a signer alone and of one with a CA',
    async (serializer) => {
      for (const signer of [cast.ours, cast.ca, { ...cast.ours, security_strict: true }]) {
        const result = await client(signer, { serializer }).sendTask('py.add', [2, 3]);
        expect(await result.get(wait)).toBe(5);
      }
    },
  );

  test.runIf(readsOurs(release))('a strict task that is retried there carries on', async () => {
    expect(await (await client({ ...cast.ours, security_strict: true }).sendTask('py.retry_twice')).get(wait)).toBe(2);
  });

  test.runIf(readsOurs(release))('tasks of an unknown signer and unsigned ones do not run there; of an expired one since 5.7', async () => {
    // A store is loaded before a certificate in it expires, or not at all.
    const [unknown, unsigned, soon, ours] = [client(cast.unknown), client({}), client(cast.soon), client(cast.ours)];
    await unknown.sendTask('py.add', [1, 1]);
    await unsigned.sendTask('py.add', [1, 1]);
    await refused(2);
    await cast.expired();
    const late = await soon.sendTask('py.add', [20, 22]);
    if (release === '5.7.0') await refused(3);
    else expect(await late.get(wait)).toBe(42);

    expect(await (await ours.sendTask('py.add', [2, 3])).get(wait)).toBe(5);
  });

  test.runIf(!readsOurs(release))('a release before 5.5 cannot read today’s layout', async () => {
    await client(cast.ours).sendTask('py.add', [1, 1]);
    await refused(1);

    expect(worker.output()).not.toContain('succeeded');
  });
});
