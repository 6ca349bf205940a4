import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../servers/ports.ts';
import { spawnReady } from '../servers.ts';
import { tq } from './tq.ts';

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const index = new URL('../../src/index.ts', import.meta.url).href;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tq-health-'));
  const app = `import { Celery } from '${index}';\nexport const app = new Celery('proj', { broker_url: 'memory://health' });\n`;
  writeFileSync(join(folder, 'app.mjs'), app);
});

describe('tq-bridge worker --health-port', { timeout: 20_000 }, () => {
  const taken = createServer();
  beforeAll(() => new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve)));
  afterAll(() => void taken.close());

  test('serves the probes while it runs', async () => {
    const port = await freePort();
    await using _worker = await spawnReady(process.execPath, {
      args: [main, '-A', 'app', 'worker', '-l', 'INFO', '--health-port', String(port), '--health-host', '127.0.0.1'],
      cwd: folder,
      readyText: /ready\./,
    });

    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  });

  test('says that a port is in use, and exits with 78', () => {
    const { port } = taken.address() as AddressInfo;

    const { code, err } = tq(['-A', 'app', 'worker', '--health-port', String(port), '--health-host', '127.0.0.1'], folder);

    expect(code).toBe(78);
    expect(err).toContain(`Error: cannot listen on port ${port} of 127.0.0.1: something else listens there already`);
  });

  test.each(['abc', '-1', '70000', '1.5'])('%s is no port', (port) => {
    expect(tq(['-A', 'app', 'worker', `--health-port=${port}`], folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--health-port takes a') as string,
    });
  });
});
