import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TqError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { openInput } from '../../src/cli/decode-input.ts';
import { duration } from '../../src/cli/explain.ts';
import { inspectFault, inspectMessage } from '../../src/cli/inspect-message.ts';
import { inspectResult } from '../../src/cli/inspect-result.ts';
import { UsageError } from '../../src/cli/print.ts';
import type { Report } from '../../src/cli/report.ts';
import { reportJson, reportText } from '../../src/cli/report-text.ts';
import { golden, goldenTasks, goldenVersions, storedBytes } from '../goldens.ts';
import { tq } from './tq.ts';

const app = new Celery('decode', { broker_url: 'redis://nowhere' });
const nowMs = Date.UTC(2026, 10, 25);
const accept = new Set(['application/json']);

function inspected(input: string | Uint8Array, argv: Readonly<Record<string, unknown>> = {}): Report {
  const opened = openInput(Buffer.from(input as string), argv, 'redis');
  if (opened.form === 'result') return inspectResult(app, opened.bytes);
  const world = { app, accept, nowMs };
  return opened.form === 'fault' ? inspectFault(world, opened) : inspectMessage(world, opened);
}

const RUNS = { ending: 'runs', stored: 'outcome', why: '' };
const EMBED = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
const amqp = (headers: object, body = `[[1],{},${EMBED}]`, properties: object = {}): string =>
  JSON.stringify({ properties: { content_type: 'application/json', ...properties }, headers: { task: 't', id: 'i', ...headers }, body });

describe('what decode takes', () => {
  test.each([
    ['an AMQP message', amqp({}), {}, { form: 'amqp', protocol: 2, task: 't', id: 'i', args: [1] }],
    ['a bare body', `[[1],{"y":2},${EMBED}]`, {}, { form: 'body', protocol: 2, args: [1], kwargs: { y: 2 } }],
    ['a bare body with headers', '[[1],{},{}]', { headers: '{"task":"t","id":"j"}' }, { form: 'body', id: 'j' }],
    ['a bare body of protocol 1', '{"task":"t","id":"i","args":[1]}', {}, { form: 'body', protocol: 1, task: 't' }],
    ['a compressed body', deflateSync(`[[7],{},${EMBED}]`), { compression: 'zlib' }, { form: 'body', args: [7] }],
    ['a stored result', '{"status":"SUCCESS","result":3,"task_id":"i"}', {}, { form: 'result', result: { result: 3 } }],
    ['what --form says', '{"status":"SUCCESS","result":3,"task_id":"i"}', { form: 'body' }, { form: 'body', protocol: 'none' }],
  ])('%s', (_name, input, argv, expected) => {
    expect(inspected(input, argv)).toMatchObject(expected);
  });

  test.each(goldenVersions)('every message of Celery %s, each of which Python runs', (version) => {
    for (const { name, protocol, message } of goldenTasks(version)) {
      const { python, tq_bridge: ours, ...report } = inspected(JSON.stringify(message));
      expect({ name, protocol: report.protocol, unreadable: report.unreadable }).toEqual({ name, protocol, unreadable: undefined });
      const { ending } = (python?.['5.7'] ?? {}) as { ending?: string };
      expect({ name, ending: ['runs', 'held', 'revoked'].includes(ending ?? '') }).toEqual({ name, ending: true });
      expect(ours).toMatchObject({ ending });
    }
    for (const [name, text] of Object.entries(golden(version, 'envelopes').messages)) {
      expect({ name, ...inspected(text) }).toMatchObject({ name, form: 'envelope' });
    }
  });

  test('results as Celery 5.7 compresses them', () => {
    const [bytes] = storedBytes(Object.values(golden('5.7.0', 'results')['redis compressed'] ?? {})[0] ?? { means: '', commands: [] });

    expect(inspected(bytes ?? '')).toMatchObject({
      form: 'result',
      compression: expect.stringContaining('application/') as string,
      python: { '5.6': expect.stringContaining('only 5.7') as string },
    });
  });
});

describe('what decode says', () => {
  test('times as a person reads them', () => {
    const { notes } = inspected(
      amqp({
        eta: '2026-11-25T03:20:00+00:00',
        expires: '2026-11-24T00:00:00Z',
        timelimit: [30, null],
        retries: 2,
        stamped_headers: ['a'],
      }),
    );

    expect(notes).toMatchObject({
      eta: 'runs in 3 h 20 min (2026-11-25T03:20:00.000000+00:00)',
      expires: 'expired 1 d ago (2026-11-24T00:00:00.000000+00:00)',
      timelimit: 'hard 30 s, soft none',
      retries: 'attempt 3',
      stamped_headers: 'stamps to search by: a',
    });
  });

  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [61_000, '1 min 1 s'],
    [86_400_000 * 2, '2 d'],
  ])('%i ms are %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('values that are more than JSON, by place', () => {
    const date = '{"__type__":"datetime","__value__":"2026-01-02T03:04:05"}';

    expect(inspected(amqp({}, `[[1,${date},NaN],{"big":12345678901234567890},${EMBED}]`)).typed).toEqual({
      '$[0][1]': 'datetime without a time zone',
      '$[0][2]': 'NaN',
      '$[1].big': 'integer beyond 2^53',
    });
  });

  test.each([
    ['a good task', amqp({}), RUNS, RUNS],
    ['one that kills Python', amqp({ timelimit: 5 }), { ending: 'crash-loop' }, { ending: 'rejected', stored: 'FAILURE' }],
    ['one that Python loses', amqp({}, '{"broken'), { ending: 'acked' }, { ending: 'rejected', stored: 'FAILURE' }],
    [
      'one of a content that is not accepted',
      amqp({}, '- 1', { content_type: 'application/x-yaml' }),
      { ending: 'rejected', stored: 'nothing' },
      { ending: 'rejected', stored: 'FAILURE' },
    ],
    ['bytes of no type', amqp({}, 'abc', { content_type: 'application/data' }), { ending: 'acked' }, { ending: 'rejected' }],
    ['a compression that does not fit', amqp({ compression: 'gzip' }), { ending: 'acked' }, { ending: 'rejected', stored: 'FAILURE' }],
  ])('%s: Python and ours', (_name, input, python, ours) => {
    const report = inspected(input);

    expect(report.python?.['5.7']).toMatchObject(python);
    expect(report.python?.['5.6']).toMatchObject(python);
    expect(report.tq_bridge).toMatchObject(ours);
  });

  test('an envelope that nobody can unpack, and where the releases differ', () => {
    const { unreadable, python } = inspected('{"content-type":"application/json","body":""}');

    expect(unreadable).toContain('properties');
    expect(python).toMatchObject({ '5.6': { ending: 'crash' }, '5.7': { ending: 'lost' } });
  });

  test('who signed a body, and that nobody here can tell whether it holds', () => {
    const part = (text: string): string => Buffer.from(text).toString('base64');
    const signed = part(`${part('DE Acme 7')}\0\u0001${part('signature')}\0\u0001application/json\0\u0001utf-8\0\u0001[[],{},{}]`);

    expect(inspected(amqp({}, signed, { content_type: 'application/data' })).signature).toEqual({
      signer: 'DE Acme 7',
      layout: '5.5+',
      content_type: 'application/json',
      valid: null,
      why: expect.any(String) as string,
    });
  });

  test('nothing that a terminal would obey', () => {
    const text = reportText(inspected(amqp({ id: 'a\u001b[31m\nforged line\u202e', 'x\u001b': 1 }, '"\\u009b"')));

    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).not.toMatch(/^forged line/m);
  });

  test('any input ends in a report or an error that says why', () => {
    const anything = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc.record({ headers: fc.object(), properties: fc.object(), body: fc.json() }).map((message) => Buffer.from(JSON.stringify(message))),
      fc
        .tuple(fc.constantFrom('id', 'task', 'eta', 'timelimit', 'stamped_headers', 'compression', 'retries'), fc.jsonValue(), fc.json())
        .map(([name, value, body]) => Buffer.from(amqp({ [name]: value }, body))),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom(undefined, 'envelope', 'amqp', 'body', 'result'), (bytes, form) => {
        try {
          const report = inspected(bytes, { form });
          reportText(report);
          JSON.parse(reportJson(report).replaceAll(/NaN|-?Infinity/g, '0'));
        } catch (error) {
          if (!(error instanceof TqError) && !(error instanceof UsageError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the decode command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tq-decode-'));
  const [data, results] = ['d', 'r'].map((name) => join(folder, name)) as [string, string];
  for (const path of [data, results]) mkdirSync(path);
  writeFileSync(
    join(folder, 'app.mjs'),
    `import { Celery } from '${new URL('../../src/index.ts', import.meta.url).href}';
process.stderr.write('imported\\n');
export const app = new Celery('x', { broker_url: 'filesystem://', broker_transport_options: { data_folder_in: 'd', data_folder_out: 'd', control_folder: 'c' } });`,
  );

  test('what encode prints is read back', () => {
    const date = '{"__type__":"date","__value__":"2026-01-02"}';
    const encoded = tq(['encode', 'tasks.add', '-a', `[${date}, 12345678901234567890]`, '--countdown', '60', '--id', 'mine']).out;
    const { code, out, err } = tq(['decode', '-', '--json'], folder, { input: encoded });

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`"args":[${date.replaceAll(' ', '')},12345678901234567890]`);
    expect(JSON.parse(out)).toMatchObject({ task: 'tasks.add', id: 'mine', python: { '5.7': { ending: 'held' } } });
  });

  test('a file, for people', () => {
    writeFileSync(join(folder, 'm.json'), amqp({ timelimit: 5 }));
    const { code, out } = tq(['decode', 'm.json'], folder);

    expect(code).toBe(0);
    expect(out).toMatch(/^Python 5\.6, 5\.7 {2}CRASHES/m);
    expect(out).toMatch(/^tq-bridge {8}rejects it without requeue, stores FAILURE: /m);
  });

  test('the head of a filesystem queue, which stays there', () => {
    for (const id of ['first', 'second']) tq(['-A', 'app', 'call', 't', '--id', id], folder);
    const before = readdirSync(data);

    expect(JSON.parse(tq(['-A', 'app', 'decode', '--queue', 'celery', '-j'], folder).out)).toMatchObject({ form: 'envelope', id: 'first' });
    expect(readdirSync(data)).toEqual(before);
  });

  test('a stored result', () => {
    writeFileSync(join(results, 'celery-task-meta-i'), '{"status":"SUCCESS","result":3,"task_id":"i"}');
    const { out } = tq(['--result-backend', `file://${results}`, 'decode', '--result', 'i'], folder);

    expect(out).toContain('stored result: 45 bytes');
    expect(out).toMatch(/^tq-bridge {8}resolves with the result$/m);
  });

  test('no module but the one of -A is imported', () => {
    expect(tq(['decode', '-'], folder, { input: '[]', CELERY_APP: 'app' })).toMatchObject({ code: 0, err: '' });
    expect(tq(['-A', 'app', 'decode', '-'], folder, { input: '[]' }).err).toBe('imported\n');
  });

  test.each([
    [['decode'], 2, 'decode needs one of'],
    [['decode', 'm.json', '--queue', 'celery'], 2, 'decode needs one of'],
    [['decode', 'no-such-file'], 2, 'no-such-file cannot be read'],
    [['decode', '-', '--form', 'xml'], 2, "--form takes envelope, amqp, body, result, not 'xml'"],
    [['decode', '-', '--form', 'amqp'], 1, 'an AMQP message is given as a JSON object'],
    [['decode', '-', '--headers', '[]'], 2, '--headers takes a JSON object'],
    [['-b', 'amqp://u:s3cret@127.0.0.1:1//', 'decode', '--queue', 'celery'], 69, 'ECONNREFUSED'],
    [['-b', 'memory://', 'decode', '--queue', 'celery'], 2, 'memory://'],
    [['-A', 'app', 'decode', '--queue', 'empty'], 2, 'The queue empty is empty'],
    [['decode', '--result', 'i'], 2, '--result needs a backend that stores results'],
    [['--result-backend', `file://${results}`, 'decode', '--result', 'nobody'], 2, 'Nothing is stored of nobody'],
  ])('%j ends with %i', (words, code, text) => {
    const run = tq(words, folder, { input: '[]' });

    expect(run.err).toContain(text);
    expect(run.err).not.toContain('s3cret');
    expect(run).toMatchObject({ code, out: '' });
  });
});
