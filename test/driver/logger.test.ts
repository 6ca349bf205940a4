import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/driver/logger.ts';
import type { LoggerOptions } from '../../src/driver/logger.ts';

/** Writes with a logger and reads back what came out. */
function logged(options: Omit<LoggerOptions, 'fd'>, write: (logger: ReturnType<typeof createLogger>) => void): string {
  const file = join(mkdtempSync(join(tmpdir(), 'tq-log-')), 'log');
  write(createLogger({ ...options, fd: openSync(file, 'a') }));
  return readFileSync(file, 'utf8');
}

const evil = 'a\nb\r\t\u001b[31m\u009b\u2028\u2029\u202e\u2066\ud800';

describe.each(['text', 'json'] as const)('the %s log', (format) => {
  test('is one line for each call, and no line is over 4 KB', () => {
    const text = logged({ level: 'info', format }, (logger) => {
      logger.info(evil, { task_id: evil });
      logger.error('€'.repeat(5000), { task_id: '€'.repeat(256) });
      logger.error('\n'.repeat(5000));
      logger.error('"'.repeat(5000));
    });

    const lines = text.split('\n');
    expect(lines).toHaveLength(5);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(4096);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]/u);
  });

  test('has nothing below its level', () => {
    expect(
      logged({ level: 'warning', format }, (logger) => {
        logger.info('no');
        logger.warning('yes');
      }),
    ).toMatch(/^[^\n]*yes[^\n]*\n$/);
  });
});

test('the text line is Celery’s, and the JSON line has the fields', () => {
  expect(logged({ level: 'info', format: 'text' }, (logger) => logger.warning('words', { task_id: 'i' }))).toMatch(
    /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: WARNING\/MainProcess\] words\n$/,
  );
  expect(JSON.parse(logged({ level: 'info', format: 'json' }, (logger) => logger.warning('words', { task_id: 'i' })))).toEqual({
    level: 'warning',
    time: expect.any(Number) as number,
    task_id: 'i',
    msg: 'words',
  });
});
