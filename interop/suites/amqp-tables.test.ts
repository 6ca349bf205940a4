import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { CeleryVersion } from '../../test/servers.ts';
import { pythonVenv } from '../../test/servers.ts';

/** 5.2.6 brings py-amqp 5.1.1, which misreads the small integer tags that amqplib would choose. */
const versions: readonly CeleryVersion[] = ['5.7.0', '5.6.3', '5.5.3', '5.3.6', '5.2.6'];
const script = resolve(import.meta.dirname, '../python/decode_tables.py');
const fixture = resolve(import.meta.dirname, '../fixtures/amqp-tables.json');

async function decode(version: CeleryVersion, tables: string): Promise<unknown> {
  const { python } = await pythonVenv(version);
  const output = await new Promise<string>((done, fail) => {
    const child = execFile(python, [script], (error, stdout, stderr) =>
      error === null ? done(stdout) : fail(new Error(stderr, { cause: error })),
    );
    child.stdin?.end(tables);
  });
  return JSON.parse(output) as unknown;
}

describe.each(versions)('the py-amqp of Celery %s', (version) => {
  test('reads every field table that we write', async () => {
    expect(await decode(version, await readFile(fixture, 'utf8'))).toEqual({});
  });

  // amqplib has the tag l alone for 64 bits, where Python writes L; py-amqp up to 5.1 takes l for unsigned.
  test('reads a negative integer beyond 32 bits, from 5.2 on', async () => {
    const tables = '{"negative": {"json": "{\\"a\\": -1099511627776}", "hex": "01616cffffff0000000000"}}';
    expect(await decode(version, tables)).toEqual(version === '5.2.6' ? { negative: "{'a': 18446742974197923840}" } : {});
  });

  test('would be caught misreading one', async () => {
    expect(await decode(version, '{"planted": {"json": "{\\"a\\": 1}", "hex": "016174ff"}}')).toEqual({ planted: "{'a': True}" });
  });
});
