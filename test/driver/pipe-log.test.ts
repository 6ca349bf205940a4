import { execFileSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/driver/logger.ts';
import { namedPipe } from '../pipe.ts';

describe.each(['text', 'json'] as const)('a %s log whose reader has stopped', (format) => {
  test('holds nobody up, and has every line in order once it is read again', async () => {
    const { path, read } = namedPipe();
    const logger = createLogger({ level: 'info', format, fd: openSync(path, 'w') });
    const fill = 'x'.repeat(1000);

    for (let index = 0; index < 500; index += 1) logger.info(`line ${index} ${fill}`);
    let text = '';
    await expect.poll(() => (text += read()).split('\n').length - 1, { timeout: 5000 }).toBe(500);

    expect([...text.matchAll(/line (\d+) /g)].map((match) => Number(match[1]))).toEqual(Array.from({ length: 500 }, (_, index) => index));
    logger.info('afterwards');
    expect(read()).toContain('afterwards');
  });

  test('keeps a mebibyte at most, and tells how many lines were dropped', async () => {
    const { path, read } = namedPipe();
    const logger = createLogger({ level: 'info', format, fd: openSync(path, 'w') });
    const fill = 'x'.repeat(2000);

    for (let index = 0; index < 1000; index += 1) logger.info(`line ${index} ${fill}`);
    let text = '';
    await expect.poll(() => (text += read()), { timeout: 5000 }).toContain('log lines were dropped');

    const kept = text.split('\n').filter((line) => line.includes('line '));
    const [, dropped] = /(\d+) log lines were dropped: nobody read them in time/.exec(text) ?? [];
    expect(kept.length + Number(dropped)).toBe(1000);
    expect(kept.length).toBeLessThan(700);
    expect(kept.length).toBeGreaterThan(400);
  });
});

test('what waits is still written when the process ends', () => {
  const script = `
    const { createLogger } = await import(${JSON.stringify(new URL('../../src/driver/logger.ts', import.meta.url).href)});
    const logger = createLogger({ level: 'info', format: 'text' });
    for (let index = 0; index < 200; index += 1) logger.info('line ' + index + ' ' + 'x'.repeat(1000));
    process.exit(0);
  `;
  const slow = '{ node --input-type=module -e "$SCRIPT"; } 2>&1 | { sleep 0.1; cat; }';
  const text = execFileSync('sh', ['-c', slow.replace('node', JSON.stringify(process.execPath))], {
    env: { ...process.env, SCRIPT: script },
    encoding: 'utf8',
  });

  expect(text.match(/line \d+/g)).toHaveLength(200);
});
