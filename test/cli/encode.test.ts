import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { indentJson } from '../../src/cli/indent-json.ts';
import { unpackEnvelope } from '../../src/transport/virtual/envelope.ts';
import { tq } from './tq.ts';

const CALL = ['tasks.add', '-a', '[2, 3]', '--id', 'mine'] as const;

function appFolder(broker: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tq-encode-'));
  const settings = `{ broker_url: '${broker}', task_routes: { 'tasks.*': 'routed' }, task_compression: 'gzip' }`;
  const index = new URL('../../src/index.ts', import.meta.url).href;
  writeFileSync(join(folder, 'app.mjs'), `import { Celery } from '${index}';\nexport const app = new Celery('encode', ${settings});\n`);
  return folder;
}

describe('encode', () => {
  test('prints what AMQP would carry, without a broker', () => {
    const { code, out, err } = tq(['-b', 'amqp://127.0.0.1:1//', 'encode', ...CALL, '--headers', '{"tenant":"blue"}', '--priority', '4']);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      exchange: '',
      routing_key: 'celery',
      properties: { content_type: 'application/json', content_encoding: 'utf-8', correlation_id: 'mine', priority: 4, delivery_mode: 2 },
      headers: { task: 'tasks.add', id: 'mine', argsrepr: '(2, 3)', tenant: 'blue' },
      body: '[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
    });
  });

  test.each([1, 2])('protocol %i', (protocol) => {
    const { headers, body } = JSON.parse(tq(['encode', ...CALL, '--protocol', String(protocol)]).out) as { headers: object; body: string };

    expect('task' in headers).toBe(protocol === 2);
    expect(Array.isArray(JSON.parse(body))).toBe(protocol === 2);
  });

  test.each(['filesystem', 'redis'])('the envelope of %s on one line', (format) => {
    const { code, out } = tq(['encode', ...CALL, '--broker-format', format, '--compression', 'gzip']);
    const { message, address } = unpackEnvelope(out);

    expect(code).toBe(0);
    expect(out.trimEnd()).not.toContain('\n');
    expect(address).toEqual({ exchange: '', routingKey: 'celery' });
    expect(message.headers).toMatchObject({ task: 'tasks.add', compression: 'application/x-gzip' });
  });

  test('an app decides as it does for call: form, route, compression', () => {
    const folder = appFolder('filesystem://');

    for (const words of [
      ['encode', ...CALL],
      ['call', ...CALL, '--dry-run'],
    ]) {
      const { code, out } = tq(['-A', 'app', ...words], folder);
      expect(code).toBe(0);
      expect(unpackEnvelope(out)).toMatchObject({
        address: { routingKey: 'routed' },
        message: { headers: { id: 'mine', compression: 'application/x-gzip' } },
      });
    }
  });

  test('a body that is no text is base64, and says so', () => {
    const json = JSON.parse(tq(['encode', ...CALL, '--compression', 'gzip', '-j']).out) as { body: string; body_encoding: string };

    expect(json.body_encoding).toBe('base64');
    expect(Buffer.from(json.body, 'base64')[0]).toBe(0x78);
  });

  test.each([
    [['encode'], 2, 'encode needs the name of a task'],
    [['encode', 't', '--protocol', '3'], 2, '--protocol takes 1 or 2'],
    [['encode', 't', '--broker-format', 'sqs'], 2, "amqp, filesystem or redis, not 'sqs'"],
    [['encode', 't', '--wait'], 2, 'No such option: --wait'],
    [['encode', 't', '--compression', 'gzp'], 78, "did you mean 'gzip'"],
    [['encode', 't', '-a', '{}'], 2, 'JSON array'],
  ])('%j ends with %i', (words, code, text) => {
    const run = tq(words);

    expect(run.err).toContain(text);
    expect(run).toMatchObject({ code, out: '' });
  });
});

test.each(['{"a":[],"b":{},"c":[1,{"d":"x,\\"[{:"}],"e":12345678901234567890123}', '[]', '"a"', 'NaN'])(
  'indenting %s changes no digit',
  (json) => {
    expect(indentJson(json).replaceAll(/\n\s*/g, '').replaceAll('": ', '":')).toBe(json);
  },
);
