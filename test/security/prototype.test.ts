import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { readFields } from '../../src/driver/amqp-fields.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { decodeFailure } from '../../src/protocol/failure.ts';
import { decodeMeta } from '../../src/protocol/result.ts';
import { unpackEnvelope } from '../../src/transport/virtual/envelope.ts';

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
const POISON = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}';
const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

/** An object with such a key of its own; `{ __proto__: … }` would set the prototype. */
function own(key: string, value: unknown): Record<string, unknown> {
  return Object.fromEntries([[key, value]]);
}

function expectClean(): void {
  const plain: Readonly<Record<string, unknown>> = {};
  expect(plain['polluted']).toBeUndefined();
  expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
}

afterEach(expectClean);

describe('keys of Object.prototype', () => {
  test('survive a thousand messages as data', () => {
    const body = `[[${POISON}],${POISON},{"callbacks":null,"__proto__":{"polluted":1},"constructor":1}]`;
    const headers = { task: 't', id: 'i', ...own('__proto__', { polluted: 1 }), stamps: own('__proto__', 's'), stamped_headers: KEYS };
    for (let index = 0; index < 1000; index += 1) {
      const decoded = decodeTask(headers, parseJson(body));
      expect(decoded.kind).toBe('task');
      if (decoded.kind !== 'task') continue;
      expect(Object.keys(decoded.request.kwargs)).toEqual(['__proto__', 'constructor', 'prototype']);
      expect(Object.keys(decoded.request.headers)).toContain('__proto__');
      expect(Object.keys(decoded.request.stamps)).toEqual(['__proto__']);
    }
  });

  test.each(KEYS)('%s is read and written as a key of JSON', (key) => {
    const text = JSON.stringify([own(key, 1)]);
    expect(parseJson(text)).toEqual([own(key, 1)]);
    expect(parseJson(writeJson([own(key, 1)]))).toEqual([own(key, 1)]);
  });

  test.each(KEYS)('%s beside a typed value stays a key', (key) => {
    const value = parseJson(`{"${key}":{"__type__":"uuid","__value__":{"hex":"${'0'.repeat(32)}"}},"n":NaN}`) as object;
    expect(Object.keys(value)).toEqual([key, 'n']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each(KEYS)('%s is a header of AMQP', (key) => {
    const name = Buffer.from(key);
    const table = Buffer.concat([Buffer.from([name.length]), name, Buffer.from([0x46, 0, 0, 0, 0])]);
    const fields = readFields(table);
    expect(Object.keys(fields)).toEqual([key]);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
  });

  test('are nothing to an envelope', () => {
    const unpacked = unpackEnvelope(
      `{"__proto__":{"body":"eA=="},"body":"eA==","headers":${POISON},"properties":{"__proto__":{"priority":9},"delivery_tag":"t","body_encoding":"base64","delivery_info":{"exchange":"","routing_key":"q"}}}`,
    );
    expect(unpacked.priority).toBeUndefined();
    expect(Object.keys(unpacked.message.headers)).toEqual(['__proto__', 'constructor', 'prototype']);
  });

  test('are nothing to a stored result', () => {
    const meta = decodeMeta(parseJson(`{"status":"SUCCESS","task_id":"i","result":${POISON},"__proto__":{"polluted":1}}`));
    expect(Object.keys(meta.result as object)).toEqual(['__proto__', 'constructor', 'prototype']);
    expect(() => decodeMeta(parseJson('{"__proto__":{"status":"SUCCESS","result":1},"task_id":"i"}'))).toThrow('status');
    const failure = decodeFailure(parseJson('[["exc_type","E"],["__proto__",{"polluted":1}]]'), 'i', null);
    expect(failure.excType).toBe('E');
  });
});

describe('names of Object.prototype', () => {
  test.each(NAMES)('%s is no task, no route and no queue', async (name) => {
    const url = `memory://${randomUUID()}`;
    await using app = new Celery('names', { broker_url: url, result_backend: url, task_routes: { 'other.*': { queue: 'other' } } });
    await using worker = app.worker();
    await worker.start();

    const result = await app.sendTask(name);
    await expect(result.get({ timeout: 5 })).rejects.toMatchObject({ excType: 'NotRegistered', excMessage: [name] });
  });

  test.each(NAMES)('%s can be a task', async (name) => {
    const url = `memory://${randomUUID()}`;
    await using app = new Celery('names', { broker_url: url, result_backend: url });
    app.task(name, { params: ['__proto__'] }, (value: unknown) => value);
    await using worker = app.worker();
    await worker.start();

    const result = await app.sendTask(name, [], { kwargs: own('__proto__', 'kept') });
    expect(await result.get({ timeout: 5 })).toBe('kept');
  });
});
