/** Flower, as pip installs it, in a browser: what an operator sees of our worker, and what its buttons do to it. */

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { freePort } from '../servers/ports.ts';
import { pythonVenv, rabbitmq, spawnReady } from '../servers.ts';
import type { Child, Server } from '../servers.ts';

const artifacts = resolve(import.meta.dirname, '../../artifacts');
const executablePath = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`).find(existsSync);

describe.skipIf(executablePath === undefined)('Flower', () => {
  let broker: Server;
  let flower: Child;
  let browser: Browser;
  let page: Page;
  let app: Celery;
  let worker: Worker;
  let site: string;
  const held = Promise.withResolvers<void>();

  beforeAll(async () => {
    await mkdir(artifacts, { recursive: true });
    broker = await rabbitmq();
    const port = await freePort();
    site = `http://127.0.0.1:${port}`;
    const { celery } = await pythonVenv('flower');
    const address = [`--port=${port}`, '--address=127.0.0.1', '--inspect-timeout=3000'];
    flower = await spawnReady(celery, {
      args: ['-b', broker.url, 'flower', ...address],
      cwd: tmpdir(),
      // Its buttons are its API, closed as long as nobody logs in.
      env: { ...process.env, PYTHONUNBUFFERED: '1', FLOWER_UNAUTHENTICATED_API: 'true' },
      readyText: /Visit me at/,
    });
    app = makeApp(broker.url, held.promise);
    worker = app.worker({ taskEvents: true, hostname: 'flowery@host', concurrency: 4, heartbeatInterval: 1 });
    await worker.start();
    browser = await chromium.launch({ ...(executablePath === undefined ? {} : { executablePath }), chromiumSandbox: false });
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  });

  afterAll(async () => {
    held.resolve();
    await browser?.close();
    await worker?.stop();
    await app?.close();
    await flower?.stop('SIGKILL');
    await broker?.stop();
  });

  /** Opens a page again and again until it shows a text: Flower's pages do not all follow events by themselves. */
  async function shows(path: string, text: RegExp | string): Promise<string> {
    await expect
      .poll(
        async () => {
          await page.goto(site + path, { waitUntil: 'load' });
          return page.locator('body').innerText();
        },
        { timeout: 60_000, interval: 500 },
      )
      .toMatch(text);
    return page.locator('body').innerText();
  }

  /** Presses a button that asks Flower for something, and waits for its answer: leaving the page would take the question back. */
  async function posted(button: string): Promise<void> {
    const answer = page.waitForResponse((response) => response.request().method() === 'POST', { timeout: 20_000 });
    await page.locator(button).click({ timeout: 10_000 });
    expect((await answer).status()).toBe(200);
  }

  const shot = async (name: string): Promise<unknown> => page.screenshot({ path: join(artifacts, `flower-${name}.png`) });

  test('shows our worker online', async () => {
    await shows('/workers', /flowery@host\s+Online/);
    await shot('workers');
  });

  test('follows tasks through their states, with arguments, runtime and result', async () => {
    const sum = await app.sendTask('ours.add', [2, 3]);
    const failed = await app.sendTask('ours.fail');
    const again = await app.sendTask('ours.again');
    const late = await app.sendTask('ours.add', [1, 1], { expires: new Date(0) });
    const running = await app.sendTask('ours.hold');
    const waiting = await app.sendTask('ours.add', [4, 4], { countdown: 3600 });

    const shown = await shows(`/task/${sum.id}`, /SUCCESS/);
    expect(shown).toMatch(/ours\.add/);
    expect(shown).toMatch(/\(2, 3\)/);
    expect(shown).toMatch(/Result\s+5/);
    expect(shown).toMatch(/Runtime\s+\d/);
    await shot('task-success');
    expect(await shows(`/task/${failed.id}`, /FAILURE/)).toMatch(/TypeError\('no'\)/);
    await shot('task-failure');
    await shows(`/task/${again.id}`, /RETRY/);
    await shows(`/task/${late.id}`, /REVOKED/);
    await shows(`/task/${running.id}`, /STARTED/);
    await shows(`/task/${waiting.id}`, /RECEIVED/);
    await shows('/tasks', /ours\.hold/);
    await shot('tasks');
  });

  test("revokes a waiting task from the task's page", async () => {
    const waiting = await app.sendTask('ours.add', [5, 5], { countdown: 8 });
    await shows(`/task/${waiting.id}`, /RECEIVED/);
    await posted('#task-revoke');
    await shows(`/task/${waiting.id}`, /REVOKED/);
  });

  test('makes the pool grow', async () => {
    await shows('/worker/flowery@host', /Pool size/);
    await page.locator('#pool-size').fill('2');
    const before = worker.taskPool?.size ?? 0;
    await posted('#worker-pool-grow');
    await expect.poll(() => worker.taskPool?.size, { timeout: 20_000 }).toBe(before + 2);
    await shot('worker');
  });

  test('limits the rate of a task', async () => {
    await shows('/worker/flowery@host', /Pool size/);
    await page.locator('#worker-tab-limits').click();
    const row = page.locator('#limits-table tr', { hasText: 'ours.add' });
    await row.locator('input').first().fill('7');
    await row.locator('button[id^="task-rate-limit-"]').click();
    await page
      .getByText(/rate limit/i)
      .first()
      .waitFor();
    await shot('rate-limit');
  });

  test('shuts it down', async () => {
    held.resolve();
    await shows('/worker/flowery@host', /Pool size/);
    await page.locator('#worker-group').click();
    await posted('#worker-shutdown');
    await worker.done;
    await shows('/workers', /flowery@host\s+Offline/);
    await shot('shutdown');
  });
});

function makeApp(url: string, held: Promise<void>): Celery {
  const app = new Celery('flowery', { broker_url: url, task_default_queue: `flower-${randomUUID()}`, task_ignore_result: true });
  app.task('ours.add', (x: number, y: number) => x + y);
  app.task('ours.fail', () => {
    throw new TypeError('no');
  });
  app.task('ours.again', async function () {
    throw await this.retry({ error: new TypeError('later'), queue: `elsewhere-${randomUUID()}` });
  });
  app.task('ours.hold', async () => held);
  return app;
}
