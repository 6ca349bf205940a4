import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Celery } from '../../src/celery.ts';
import { createLogger } from '../../src/driver/logger.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { rabbitmq, redis } from '../servers.ts';
import type { Server } from '../servers.ts';

/** What one hostile message is, and where it must end. */
interface Case {
  readonly headers?: Record<string, unknown>;
  readonly body?: string | Buffer;
  readonly contentType?: string | null;
  readonly contentEncoding?: string | null;
  /** AMQP properties over the usual ones. */
  readonly properties?: Readonly<Record<string, unknown>>;
  /** `ran`: the task ran; `dead`: rejected to the dead-letter queue; `expired`: REVOKED and acked; `held`: waits for its time. */
  readonly ends: 'ran' | 'dead' | 'failed' | 'expired' | 'held';
  /** A message of its own that ends in the dead-letter queue. */
  readonly sends?: 'dead';
}

const EMBED = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
const OK_BODY = `[[1,2],{},${EMBED}]`;
const int = (value: number): unknown => ({ '!': 'int', value });
const nested = (depth: number): string => `[${'['.repeat(depth)}${']'.repeat(depth)}]`;
const embed = (text: string): string => `[[1,2],{},${text}]`;

/** Headers: the rows H and X. `id` and `task` are filled in unless they are given. */
const HEADERS: Readonly<Record<string, Case>> = {
  'H01 no headers': { headers: { task: undefined, id: undefined }, ends: 'dead' },
  'H02 no task': { headers: { task: undefined }, ends: 'dead' },
  'H03 protocol 1': {
    headers: { task: undefined, id: undefined },
    body: '{"task":"h.ok","id":"ID","args":[1,2],"kwargs":{}}',
    ends: 'ran',
  },
  'H04 v1 kwargs list': {
    headers: { task: undefined, id: undefined },
    body: '{"task":"h.ok","id":"ID","args":[1,2],"kwargs":[]}',
    ends: 'dead',
  },
  'H05 v1 without id': { headers: { task: undefined, id: undefined }, body: '{"task":"h.ok","args":[1,2]}', ends: 'dead' },
  'H06 v1 unknown task': {
    headers: { task: undefined, id: undefined },
    body: '{"task":"nobody","id":"ID","args":[],"kwargs":{}}',
    ends: 'dead',
  },
  'H07 without id': { headers: { id: undefined }, ends: 'dead' },
  'H08 id null': { headers: { id: null }, ends: 'dead' },
  'H09 id int': { headers: { id: int(12345) }, ends: 'dead' },
  'H10 id empty': { headers: { id: '' }, ends: 'dead' },
  'H11 id list': { headers: { id: ['a'] }, ends: 'dead' },
  'H12 task list': { headers: { task: ['a'] }, ends: 'dead' },
  'H13 task null': { headers: { task: null }, ends: 'dead' },
  'H14 unknown task': { headers: { task: 'nobody' }, ends: 'dead' },
  'H15 unknown task without id': { headers: { task: 'nobody', id: undefined }, ends: 'dead' },
  'H16 task __proto__': { headers: { task: '__proto__' }, ends: 'dead' },
  'H17 id with newline and ANSI': { headers: { id: 'x\n[2026-01-01 00:00:00,000: INFO/MainProcess] fake \u001b[31m' }, ends: 'ran' },
  'H18 id ../../x': { headers: { id: '../../../../tmp/x' }, ends: 'ran' },
  'H19 eta not a date': { headers: { eta: 'not-a-date' }, ends: 'dead' },
  'H20 eta int': { headers: { eta: int(5) }, ends: 'dead' },
  'H21 eta 9999': { headers: { eta: '9999-12-31T23:59:59' }, ends: 'held' },
  'H22 eta dict': { headers: { eta: {} }, ends: 'dead' },
  'H23 expires garbage': { headers: { expires: 'soon' }, ends: 'dead' },
  'H24 expires past': { headers: { expires: '2020-01-01T00:00:00+00:00' }, ends: 'expired' },
  'H25 expires int': { headers: { expires: int(60) }, ends: 'dead' },
  'H26 timelimit abc': { headers: { timelimit: 'abc' }, ends: 'dead' },
  'H27 timelimit [1]': { headers: { timelimit: [int(1)] }, ends: 'dead' },
  'H28 timelimit [x, y]': { headers: { timelimit: ['x', 'y'] }, ends: 'dead' },
  'H29 timelimit [-1, -1]': { headers: { timelimit: [int(-1), int(-1)] }, ends: 'dead' },
  'H30 timelimit 5': { headers: { timelimit: int(5) }, ends: 'dead' },
  'H31 retries many': { headers: { retries: 'many' }, ends: 'ran' },
  'H32 stamped_headers 5': { headers: { stamped_headers: int(5) }, ends: 'dead' },
  'H33 group dict, group_index z': { headers: { group: {}, group_index: 'z' }, ends: 'ran' },
  'H34 shadow 5, origin {}': { headers: { shadow: int(5), origin: {} }, ends: 'ran' },
  'H35 ignore_result "false"': { headers: { ignore_result: 'false' }, ends: 'ran' },
  'H36 no correlation id, reply queue or delivery mode': { properties: { correlationId: undefined }, ends: 'ran' },
  'H31 retries -5': { headers: { retries: int(-5) }, ends: 'ran' },
  'H31 retries 2^40': { headers: { retries: { '!': 'long', value: 2 ** 40 } }, ends: 'ran' },
  'X01 bad UTF-8 in a header': { headers: { odd: Buffer.from([0xff, 0xfe]) }, ends: 'ran' },
  'X02 id bytes': { headers: { id: Buffer.from('abc') }, ends: 'dead' },
  'X03 eta timestamp': { headers: { eta: { '!': 'timestamp', value: 1 } }, ends: 'dead' },
  'X04 decimal': { headers: { odd: { '!': 'decimal', value: { digits: 314, places: 2 } } }, ends: 'ran' },
  'X05 table 300 deep': { headers: { deep: Array.from({ length: 300 }).reduce((inner: unknown) => ({ a: inner }), {}) }, ends: 'ran' },
  'X06 100 kB task name': { headers: { task: 'n'.repeat(50_000) }, ends: 'dead' },
  'X08 only task and id': { ends: 'ran' },
  'X09 another correlation id': { properties: { correlationId: 'another' }, ends: 'ran' },
  'X10 dead reply queue': { properties: { replyTo: 'nobody-listens' }, ends: 'ran' },
  'X14 naive eta': { headers: { eta: '2020-01-01T00:00:00' }, ends: 'ran' },
  'X15 eta Z': { headers: { eta: '2020-01-01T00:00:00Z' }, ends: 'ran' },
  'X16 expires with a space, far': { headers: { expires: '2999-01-01 00:00:00' }, ends: 'ran' },
  'X19 another language': { headers: { lang: 'js' }, ends: 'ran' },
  'X20 unknown headers': { headers: { nobody: 'knows', meth: 'm' }, ends: 'ran' },
  'X21 bad chord size': { body: `[[1,2],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null,"chord_size":"x"}]`, ends: 'ran' },
  'X17 50 kB argsrepr': { headers: { argsrepr: 'x'.repeat(50_000) }, ends: 'ran' },
  'X18 wrong-typed reprs': { headers: { argsrepr: int(5), kwargsrepr: {} }, ends: 'ran' },
  'id of 1025 characters': { headers: { id: 'i'.repeat(1025) }, ends: 'dead' },
};

/** Content type, encoding and compression: the rows C. */
const ENCODINGS: Readonly<Record<string, Case>> = {
  'C01 zlib named, plain body': { headers: { compression: 'application/x-gzip' }, ends: 'dead' },
  'C02 unknown compression': { headers: { compression: 'application/x-nobody' }, ends: 'dead' },
  'C03 compression int': { headers: { compression: int(1) }, ends: 'dead' },
  'C04 compression list': { headers: { compression: ['zlib'] }, ends: 'dead' },
  'C05 truncated stream': { headers: { compression: 'zlib' }, body: deflateSync(OK_BODY).subarray(0, 20), ends: 'dead' },
  'C06 real gzip': { headers: { compression: 'gzip' }, body: gzipSync(OK_BODY), ends: 'dead' },
  'C08 zlib with trailing garbage': {
    headers: { compression: 'zlib' },
    body: Buffer.concat([deflateSync(OK_BODY), Buffer.from('x')]),
    ends: 'ran',
  },
  'C10 no content type': { contentType: null, ends: 'dead' },
  'C11 pickle': { contentType: 'application/x-python-serialize', ends: 'dead' },
  'C12 yaml': { contentType: 'application/x-yaml', ends: 'dead' },
  'C13 text/plain': { contentType: 'text/plain', ends: 'dead' },
  'C14 application/data': { contentType: 'application/data', ends: 'dead' },
  'C15 application/data abc': { contentType: 'application/data', body: 'abc', ends: 'dead' },
  'C16 with charset': { contentType: 'application/json; charset=utf-8', ends: 'dead' },
  'C17 upper case': { contentType: 'APPLICATION/JSON', ends: 'dead' },
  'C18 unknown content encoding': { contentEncoding: 'x-unknown', ends: 'ran' },
  'C19 binary': { contentEncoding: 'binary', ends: 'ran' },
  'C20 utf-16': { contentEncoding: 'utf-16', body: Buffer.from(OK_BODY, 'utf16le'), ends: 'dead' },
  'C21 application/data, unknown codec': { contentType: 'application/data', contentEncoding: 'x-unknown', ends: 'dead' },
  'no content encoding': { contentEncoding: null, ends: 'ran' },
  'C22 application/text': { contentType: 'application/text', contentEncoding: 'zlib', ends: 'dead' },
};

/** Bodies: the rows B. */
const BODIES: Readonly<Record<string, Case>> = {
  'B01 empty': { body: '', ends: 'dead' },
  'B02 truncated': { body: '[[1,2],{},', ends: 'dead' },
  'B03 bad UTF-8': { body: Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), ends: 'dead' },
  'B04 null': { body: 'null', ends: 'dead' },
  'B05 42': { body: '42', ends: 'dead' },
  'B06 text': { body: '"hello"', ends: 'dead' },
  'B07 "abc"': { body: '"abc"', ends: 'dead' },
  'B08 []': { body: '[]', ends: 'dead' },
  'B09 two elements': { body: '[[1,2],{}]', ends: 'dead' },
  'B10 four elements': { body: `[[1,2],{},${EMBED},1]`, ends: 'dead' },
  'B11 {}': { body: '{}', ends: 'dead' },
  'B12 hybrid': { body: '{"args":[1,2],"kwargs":{}}', ends: 'ran' },
  'B13 false': { body: 'false', ends: 'dead' },
  'B14 args 5': { body: `[5,{},${EMBED}]`, ends: 'dead' },
  'B15 args text': { body: `["ab",{},${EMBED}]`, ends: 'dead' },
  'B16 args null': { body: `[null,{},${EMBED}]`, ends: 'dead' },
  'B17 args object': { body: `[{"a":1},{},${EMBED}]`, ends: 'dead' },
  'B18 kwargs []': { body: `[[1,2],[],${EMBED}]`, ends: 'dead' },
  'B19 kwargs null': { body: `[[1,2],null,${EMBED}]`, ends: 'dead' },
  'B20 kwargs 5': { body: `[[1,2],5,${EMBED}]`, ends: 'dead' },
  'B21 wrong arity': { body: `[[1,2,3],{},${EMBED}]`, ends: 'failed' },
  'B22 kwargs __proto__': { body: `[[1],{"__proto__":2},${EMBED}]`, ends: 'failed' },
  'B23 embed null': { body: embed('null'), ends: 'ran' },
  'B24 embed []': { body: embed('[]'), ends: 'ran' },
  'B25 embed text': { body: embed('"zz"'), ends: 'dead' },
  'B26 embed 5': { body: embed('5'), ends: 'dead' },
  'B27 callbacks text': { body: embed('{"callbacks":"tasks.add"}'), ends: 'dead' },
  'B28 callback to nobody': {
    body: embed('{"callbacks":[{"task":"nobody","args":[],"kwargs":{},"options":{},"subtask_type":null,"immutable":false}]}'),
    ends: 'ran',
    sends: 'dead',
  },
  'B29 callbacks [{}]': { body: embed('{"callbacks":[{}]}'), ends: 'dead' },
  'B30 callbacks [5]': { body: embed('{"callbacks":[5]}'), ends: 'dead' },
  'B31 chain text': { body: embed('{"chain":"x"}'), ends: 'dead' },
  'B32 chain [{}]': { body: embed('{"chain":[{}]}'), ends: 'dead' },
  'B33 chord text': { body: embed('{"chord":"x"}'), ends: 'dead' },
  'B34 chord of nobody': { body: embed('{"chord":{"task":5}}'), ends: 'dead' },
  'B35 errbacks [5]': { body: embed('{"errbacks":[5]}'), ends: 'dead' },
  'B36 embed shadows the request': { body: embed('{"id":"other","hostname":"x","retries":9,"is_eager":true}'), ends: 'ran' },
  'B37 nesting 500': { body: `[[1,${nested(500)}],{},${EMBED}]`, ends: 'ran' },
  'B38 nesting 100 000': { body: `[[1,${nested(100_000)}],{},${EMBED}]`, ends: 'dead' },
  'B39 integer of 5000 digits': { body: `[[1,${'9'.repeat(5000)}],{},${EMBED}]`, ends: 'dead' },
  'B40 NaN and Infinity': { body: `[[NaN,-Infinity],{},${EMBED}]`, ends: 'ran' },
  'B41 2^64 and 1e400': { body: `[[18446744073709551616,1e400],{},${EMBED}]`, ends: 'ran' },
  'B42 duplicate keys': { body: `[[1],{"y":1,"y":2},${EMBED}]`, ends: 'ran' },
  'B43 lone surrogate': { body: `[[1,"\\ud800"],{},${EMBED}]`, ends: 'ran' },
  'B44 byte order mark': { body: `\ufeff${OK_BODY}`, ends: 'dead' },
  'B45 unknown typed value': { body: `[[1,{"__type__":"nobody","__value__":1}],{},${EMBED}]`, ends: 'dead' },
  'B46 typed value of the wrong shape': { body: `[[1,{"__type__":"datetime","__value__":5}],{},${EMBED}]`, ends: 'dead' },
  'B47 typed value null': { body: `[[1,{"__type__":null,"__value__":5}],{},${EMBED}]`, ends: 'dead' },
  'B48 typed value with an object as type': { body: `[[1,{"__type__":{},"__value__":5}],{},${EMBED}]`, ends: 'dead' },
  'B50 16 MB argument': { body: `[[1,"${'x'.repeat(16 * 1024 * 1024)}"],{},${EMBED}]`, ends: 'ran' },
  'B49 trailing data': { body: `${OK_BODY} x`, ends: 'dead' },
};

/** The exception that is stored for a row whose message is rejected, where it is not `InvalidTaskError`. */
const STORED: Readonly<Record<string, RegExp>> = {
  NotRegistered: /^(H06|H13|H14|H16|X06) /,
  TypeError: /^B1[4-7] /,
  ContentDisallowed: /^(C1[0-7]|C21|C22) /,
  DecodeError: /^(C0[1-6]|C20|B0[123]|B38|B39|B4[4-9]) /,
};
const MODULES: Readonly<Record<string, string>> = {
  TypeError: 'builtins',
  ContentDisallowed: 'kombu.exceptions',
  DecodeError: 'kombu.exceptions',
};

describe('hostile messages', () => {
  let broker: Server;
  let store: Server;
  let app: Celery;
  let worker: Worker;
  let connection: amqp.ChannelModel;
  let channel: amqp.ConfirmChannel;
  const queue = `hostile-${randomUUID()}`;
  const log = join(mkdtempSync(join(tmpdir(), 'tq-hostile-')), 'log');
  const ran = new Set<string>();

  beforeAll(async () => {
    [broker, store] = await Promise.all([rabbitmq(), redis()]);
    connection = await amqp.connect(broker.url);
    channel = await connection.createConfirmChannel();
    await channel.assertQueue(`${queue}-dead`, { durable: true });
    const queues = [{ name: queue, queue_arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': `${queue}-dead` } }];
    app = new Celery('hostile', { broker_url: broker.url, result_backend: store.url, task_queues: queues, task_default_queue: queue });
    app.setLogger(createLogger({ level: 'info', format: 'text', fd: openSync(log, 'a') }));
    app.task('h.ok', { params: ['x', 'y'] }, function () {
      ran.add(this.id);
    });
    worker = app.worker({ concurrency: 2 });
    await worker.start();
  });
  afterAll(async () => {
    await worker?.stop();
    await app?.close();
    for (const name of [queue, `${queue}-dead`]) await channel?.deleteQueue(name);
    await connection?.close();
    await Promise.all([broker?.stop(), store?.stop()]);
  });

  const sendRaw = async (given: Case, id: string): Promise<void> => {
    const headers = Object.fromEntries(Object.entries({ task: 'h.ok', id, ...given.headers }).filter(([, value]) => value !== undefined));
    const body = Buffer.isBuffer(given.body) ? given.body : Buffer.from((given.body ?? OK_BODY).replace('"ID"', JSON.stringify(id)));
    const type = given.contentType === undefined ? 'application/json' : given.contentType;
    channel.publish('', queue, body, {
      headers,
      ...(given.contentEncoding === null ? {} : { contentEncoding: given.contentEncoding ?? 'utf-8' }),
      correlationId: id.slice(0, 100),
      ...(type === null ? {} : { contentType: type }),
      ...given.properties,
    });
    await channel.waitForConfirms();
  };
  const stateOf = async (id: string): Promise<string> => {
    const meta = await (await app.backend()).getMeta(id);
    return meta?.status ?? 'PENDING';
  };

  test.each(Object.entries({ ...HEADERS, ...ENCODINGS, ...BODIES }))('%s', async (name, given) => {
    const id = typeof given.headers?.['id'] === 'string' && given.headers['id'] !== '' ? given.headers['id'] : randomUUID();
    await channel.purgeQueue(`${queue}-dead`);
    ran.clear();
    truncateSync(log);

    await sendRaw(given, id);
    const probe = await app.sendTask('h.ok', [1, 2], { queue });
    await probe.get({ timeout: 10 });

    const deadExpected = given.ends === 'dead' || given.sends === 'dead' ? 1 : 0;
    const { messageCount: dead } = await deadCount(deadExpected);
    expect(dead).toBe(deadExpected);
    expect(ran.has(id)).toBe(given.ends === 'ran');
    if (given.ends === 'failed') expect(await stateOf(id)).toBe('FAILURE');
    if (given.ends === 'expired') expect(await stateOf(id)).toBe('REVOKED');
    if (given.ends === 'ran') expect(await stateOf(id)).toBe(given.headers?.['ignore_result'] === undefined ? 'SUCCESS' : 'PENDING');
    if (given.ends === 'dead' && usableId(given)) await expectFailure(name, id);
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    if (given.ends === 'dead') expect(lines.filter((line) => !/ received| succeeded/.test(line))).toHaveLength(1);
    if (given.ends === 'dead') expect(lines.join()).toContain(`: ${levelOf(name)}/`);
    for (const line of lines) {
      expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: [A-Z]+\/MainProcess\] [^\p{Cc}\u2028\u2029]+$/u);
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  /** What Celery logs such a message as. */
  function levelOf(name: string): string {
    if (/^H0[12] /.test(name)) return 'WARNING';
    return STORED['DecodeError']?.test(name) === true ? 'CRITICAL' : 'ERROR';
  }

  async function expectFailure(name: string, id: string): Promise<void> {
    const excType = Object.keys(STORED).find((type) => STORED[type]?.test(name) === true) ?? 'InvalidTaskError';
    // It is stored beside the rejection, not before it.
    await expect(app.asyncResult(id).get({ timeout: 5 })).rejects.toMatchObject({
      code: 'ERR_TASK_FAILED',
      excType,
      excModule: MODULES[excType] ?? 'celery.exceptions',
      excMessage: [expect.any(String)],
    });
  }

  /** Dead-lettering is the broker's own step after our reject: ask until it has come, or the queue is known to be quiet. */
  async function deadCount(expected: number): Promise<{ messageCount: number }> {
    for (let tries = 0; ; tries += 1) {
      const found = await channel.checkQueue(`${queue}-dead`);
      if (found.messageCount >= expected || tries > 500) return found;
    }
  }

  function usableId(given: Case): boolean {
    if (given.headers !== undefined && 'id' in given.headers)
      return typeof given.headers['id'] === 'string' && given.headers['id'] !== '' && given.headers['id'].length <= 1024;
    return given.headers === undefined || !('task' in given.headers) || given.headers['task'] !== undefined;
  }
});
