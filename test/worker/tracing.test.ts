import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { ImproperlyConfiguredError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { openTelemetry } from '../../src/driver/opentelemetry.ts';
import { signature } from '../../src/protocol/signature.ts';
import { harness } from './harness.ts';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();

const h = harness();
beforeEach(() => {
  exporter.reset();
  h.app.instrument();
});

/** Waits for the only span of a name. */
async function spanOf(name: string, number = 0): Promise<ReadableSpan> {
  await expect.poll(() => exporter.getFinishedSpans().filter((span) => span.name === name).length).toBeGreaterThan(number);
  const span = exporter.getFinishedSpans().filter((one) => one.name === name)[number];
  if (span === undefined) throw new Error(`no span ${name}`);
  return span;
}

const idOf = (span: ReadableSpan): string => span.spanContext().spanId;
const traceOf = (span: ReadableSpan): string => span.spanContext().traceId;
/** Runs code in a span of a user's own. */
const inSpan = <T>(name: string, code: () => Promise<T>): Promise<T> =>
  trace.getTracer('test').startActiveSpan(name, async (span) => {
    try {
      return await code();
    } finally {
      span.end();
    }
  });

test('a send is a child of what runs, and a run a child of its send', async () => {
  h.app.task('add', (x: number, y: number) => x + y);
  await h.start({ hostname: 'w@h' });
  const result = await inSpan('request', () => h.app.sendTask('add', [1, 2]));
  await result.get({ timeout: 5 });

  const [request, send, run] = [await spanOf('request'), await spanOf('apply_async/add'), await spanOf('run/add')];
  expect(send.parentSpanContext?.spanId).toBe(idOf(request));
  expect(run.parentSpanContext?.spanId).toBe(idOf(send));
  expect([traceOf(send), traceOf(run)]).toEqual([traceOf(request), traceOf(request)]);
  expect([send.kind, run.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
  expect(send.attributes).toEqual({
    'celery.action': 'apply_async',
    'celery.task_name': 'add',
    'messaging.message.id': result.id,
    'messaging.destination': 'celery',
    'messaging.destination_kind': 'queue',
  });
  expect(run.attributes).toMatchObject({
    'celery.action': 'run',
    'celery.task_name': 'add',
    'celery.state': 'SUCCESS',
    'celery.hostname': h.app.origin,
    'celery.delivery_info': "{'exchange': '', 'routing_key': 'celery', 'priority': 0, 'redelivered': False}",
    'messaging.message.id': result.id,
    'messaging.conversation_id': result.id,
    'messaging.destination': 'celery',
  });
  expect(run.status.code).toBe(SpanStatusCode.UNSET);
});

test('what a task sends is its child, however many run at once', async () => {
  h.app.task('leaf', () => 0);
  h.app.task('branch', async (ms: number) => {
    await delay(ms);
    await h.app.sendTask('leaf');
  });
  await h.start();
  const sent = [5, 1, 3].map((ms) => h.app.sendTask('branch', [ms]));
  for (const one of sent) await (await one).get({ timeout: 5 });

  await spanOf('run/leaf', 2);
  const spans = exporter.getFinishedSpans();
  const branches = spans.filter(({ name }) => name === 'run/branch');
  const sends = spans.filter(({ name }) => name === 'apply_async/leaf');
  expect(new Set(sends.map((span) => span.parentSpanContext?.spanId))).toEqual(new Set(branches.map(idOf)));
  expect(new Set(spans.map(traceOf)).size).toBe(3);
});

test('the context goes with the message as top-level headers, baggage too, and a message that is encoded again has the same', async () => {
  const seen: Readonly<Record<string, unknown>>[] = [];
  h.app.signals.on('before_task_publish', ({ headers }) => void seen.push({ ...headers }));
  const baggage = propagation.createBaggage({ tenant: { value: 'a b' } });
  await context.with(propagation.setBaggage(context.active(), baggage), () => h.app.sendTask('t', [], { headers: { mine: 1 } }));

  const send = await spanOf('apply_async/t');
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    traceparent: `00-${traceOf(send)}-${idOf(send)}-01`,
    baggage: 'tenant=a%20b',
    mine: 1,
  });
  expect((await h.next('celery')).message.headers).toMatchObject({ traceparent: `00-${traceOf(send)}-${idOf(send)}-01` });
});

test('code that fails is a span that failed, with the exception', async () => {
  h.app.task('fails', () => {
    throw new RangeError('out of range');
  });
  await h.start();
  await h.run('fails').catch(() => undefined);

  const run = await spanOf('run/fails');
  expect(run.status).toEqual({ code: SpanStatusCode.ERROR, message: 'out of range' });
  expect(run.attributes['celery.state']).toBe('FAILURE');
  expect(run.events[0]?.attributes).toMatchObject({ 'exception.type': 'RangeError', 'exception.message': 'out of range' });
  expect(run.events[0]?.attributes?.['exception.stacktrace']).toContain('RangeError: out of range');
});

test('a retry is a child of the run that asked for it', async () => {
  h.app.task('again', { maxRetries: 1 }, async function () {
    if (this.retries === 0) throw await this.retry({ countdown: 0, error: new TypeError('later') });
    return 'done';
  });
  await h.start();
  await h.run('again');

  // Spans come in the order they end, and the second try may be over before the first one's is told.
  const runs = [await spanOf('run/again'), await spanOf('run/again', 1)];
  const [first, second] = runs.toSorted(
    (a, b) => Number(a.attributes['celery.retries'] ?? 0) - Number(b.attributes['celery.retries'] ?? 0),
  );
  const resend = await spanOf('apply_async/again', 1);
  if (first === undefined || second === undefined) throw new Error('it did not run twice');
  expect(first.attributes).toMatchObject({ 'celery.state': 'RETRY', 'celery.retry.reason': "Retry in 0s: TypeError('later')" });
  expect(first.status.code).toBe(SpanStatusCode.UNSET);
  expect(resend.parentSpanContext?.spanId).toBe(idOf(first));
  expect(second.parentSpanContext?.spanId).toBe(idOf(resend));
  expect(second.attributes['celery.retries']).toBe(1);
});

test('callbacks are children of the run they follow', async () => {
  h.app.task('one', () => 1);
  h.app.task('after', (value: unknown) => value);
  await h.start();
  await (await h.app.sendTask('one', [], { link: signature('after') })).get({ timeout: 5 });

  const [run, callback] = [await spanOf('run/one'), await spanOf('apply_async/after')];
  expect(callback.parentSpanContext?.spanId).toBe(idOf(run));
  expect(traceOf(await spanOf('run/after'))).toBe(traceOf(run));
});

test('headers of a stranger that make no sense begin a trace of their own', async () => {
  h.app.task('t', () => 1);
  await h.start();
  for (const traceparent of ['nonsense', 7, ['a'], '00-00000000000000000000000000000000-0000000000000000-01', { a: 1 }]) {
    // The sender is not traced: the headers travel as they are.
    await using client = new Celery('client', { broker_url: h.app.settings.broker_url });
    exporter.reset();
    await client.sendTask('t', [], { headers: { traceparent } });
    expect((await spanOf('run/t')).parentSpanContext).toBeUndefined();
  }
});

test('baggage that is no text is none', async () => {
  h.app.task('t', () => 1);
  await h.start();
  await using client = new Celery('client', { broker_url: h.app.settings.broker_url });
  await client.sendTask('t', [], { headers: { baggage: 7 } });

  expect((await spanOf('run/t')).attributes['celery.state']).toBe('SUCCESS');
});

test('a message that cannot be sent is a span that failed', async () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  await expect(h.app.sendTask('t', [cycle])).rejects.toThrow();

  expect((await spanOf('apply_async/t')).status.code).toBe(SpanStatusCode.ERROR);
});

test('spans are of the provider that was given', async () => {
  const own = new InMemorySpanExporter();
  await using app = new Celery('own', { broker_url: `memory://${randomUUID()}` });
  app.instrument({ tracerProvider: new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(own)] }) });
  await app.sendTask('t');

  expect(own.getFinishedSpans().map(({ name }) => name)).toEqual(['apply_async/t']);
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test('an app that is not instrumented sends and keeps headers as they are', async () => {
  await using app = new Celery('plain', { broker_url: h.app.settings.broker_url });
  await inSpan('request', () => app.sendTask('t', [], { headers: { traceparent: '00-1-2-01' } }));

  expect((await h.next('celery')).message.headers).toMatchObject({ traceparent: '00-1-2-01' });
});

test('it is set up once, and says what is missing', () => {
  expect(() => h.app.instrument()).toThrow(TypeError);
  const missing = (): unknown => openTelemetry(undefined, (require) => require('@opentelemetry/nothing') as never);
  expect(missing).toThrow(ImproperlyConfiguredError);
  expect(missing).toThrow('app.instrument() needs the package @opentelemetry/api@1.9: npm install @opentelemetry/api@1.9');
});

describe.each(['prefork', 'threads'] as const)('in children of the pool %s', (pool) => {
  const source = { module: new URL('../fixtures/traced-app.ts', import.meta.url).href };

  test('code runs in the trace of its message, and callbacks follow it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-traced-'));
    const folders = { data_folder_in: folder, data_folder_out: folder, control_folder: join(folder, 'control') };
    h.app.configure({ broker_url: 'filesystem://', broker_transport_options: folders });
    h.app.task('where', () => 'not here');
    h.app.task('which', () => 'not here');
    await h.start({ pool, concurrency: 1, source });
    const result = await inSpan('request', () => h.app.sendTask('which', [], { link: signature('where') }));
    const span = await result.get({ timeout: 20 });

    const callback = await spanOf('apply_async/where');
    expect(callback.parentSpanContext?.spanId).toBe(span);
    expect(traceOf(callback)).toBe(traceOf(await spanOf('request')));
    const where = await h.app.sendTask('where');
    expect(await where.get({ timeout: 20 })).toBe(traceOf(await spanOf('apply_async/where', 1)));
  });
});
