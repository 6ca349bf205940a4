/** OpenTelemetry: a trace that begins in one language goes on in the other, and both tell the same of a task. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { Celery } from '../../src/celery.ts';
import type { Worker } from '../../src/worker/worker.ts';
import { pythonVenv, rabbitmq, spawnReady } from '../../test/servers.ts';
import type { Child, Server } from '../../test/servers.ts';

const cwd = resolve(import.meta.dirname, '../python');
const run = promisify(execFile);

/** A span of either side. */
interface Told {
  readonly span: string;
  readonly kind: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string | null;
  readonly status: string;
  readonly description: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

let broker: Server;
let env: NodeJS.ProcessEnv;
let python: Child;
let app: Celery;
let worker: Worker;
const [ourQueue, pythonQueue] = [`ours-${randomUUID()}`, `python-${randomUUID()}`];

beforeAll(async () => {
  broker = await rabbitmq();
  const { celery } = await pythonVenv('opentelemetry');
  env = { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', TQ_BROKER: broker.url, TQ_BACKEND: 'rpc://' };
  const args = ['-A', 'traced', 'worker', '-l', 'INFO', '-P', 'solo', '-Q', pythonQueue, '--without-gossip', '--without-mingle'];
  python = await spawnReady(celery, { args, cwd, env, readyText: / ready\./ });
  app = new Celery('ours', { broker_url: broker.url, result_backend: 'rpc://', task_default_queue: ourQueue });
  app.instrument();
  app.task('ts.add', (x: number, y: number) => x + y);
  app.task('ts.raise', () => {
    throw new TypeError('no');
  });
  app.task('ts.leaf', { ignoreResult: true }, () => 0);
  worker = app.worker();
  await worker.start();
});
afterAll(async () => {
  await worker?.stop();
  await app?.close();
  await python?.stop('SIGKILL');
  await broker?.stop();
});
beforeEach(() => exporter.reset());

function ours(): Told[] {
  return exporter.getFinishedSpans().map((span: ReadableSpan) => ({
    span: span.name,
    kind: SpanKind[span.kind],
    trace: span.spanContext().traceId,
    id: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId ?? null,
    status: SpanStatusCode[span.status.code],
    description: span.status.message ?? null,
    attributes: span.attributes,
    events: span.events.map(({ attributes = {} }) => attributes),
  }));
}

function pythons(output: string): Told[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{"span"') && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as Told);
}

async function found(spans: () => readonly Told[], name: string, ofTrace: string): Promise<Told> {
  const find = (): Told | undefined => spans().find((one) => one.span === name && one.trace === ofTrace);
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return find() as Told;
}

const inPython = (): readonly Told[] => pythons(python.output());
const inSpan = <T>(code: (traceId: string) => Promise<T>): Promise<T> =>
  trace.getTracer('test').startActiveSpan('request', (span) => code(span.spanContext().traceId).finally(() => span.end()));

/** Keys and values, without what differs from run to run. */
function comparable({ span, kind, status, description, attributes }: Told): unknown {
  const { 'messaging.message.id': id, 'messaging.conversation_id': conversation, 'celery.reply_to': replyTo, ...same } = attributes;
  return {
    span: span.replace(/\/\w+\./, '/'),
    kind,
    status,
    description,
    same,
    kinds: [id, conversation, replyTo].map((value) => typeof value),
  };
}

test('a trace that begins here goes on in Python, and comes back', async () => {
  const traceId = await inSpan(async (id) => {
    await (await app.sendTask('py.add', [1, 2], { queue: pythonQueue })).get({ timeout: 20 });
    await app.sendTask('py.relay', ['ts.leaf', ourQueue], { queue: pythonQueue, ignoreResult: true });
    return id;
  });

  const send = await found(ours, 'apply_async/py.add', traceId);
  expect((await found(inPython, 'run/py.add', traceId)).parent).toBe(send.id);
  const relayed = await found(inPython, 'apply_async/ts.leaf', traceId);
  expect(relayed.parent).toBe((await found(inPython, 'run/py.relay', traceId)).id);
  expect((await found(ours, 'run/ts.leaf', traceId)).parent).toBe(relayed.id);
});

test('a trace that begins in Python goes on here', async () => {
  const { stdout } = await run((await pythonVenv('opentelemetry')).python, ['traced.py', ourQueue, 'ts.leaf'], { cwd, env });
  const client = (): readonly Told[] => pythons(stdout);
  const traceId = client()[0]?.trace ?? '';
  const send = await found(client, 'apply_async/ts.leaf', traceId);

  expect(send.parent).toBe((await found(client, 'request', traceId)).id);
  expect((await found(ours, 'run/ts.leaf', traceId)).parent).toBe(send.id);
});

test('both tell the same of a task that is sent, runs, and fails', async () => {
  const traceId = await inSpan(async (id) => {
    await (await app.sendTask('py.add', [1, 2], { queue: pythonQueue })).get({ timeout: 20 });
    await (await app.sendTask('ts.add', [1, 2], { queue: ourQueue })).get({ timeout: 20 });
    await (await app.sendTask('py.raise', [], { queue: pythonQueue })).get({ timeout: 20 }).catch(() => undefined);
    await (await app.sendTask('ts.raise')).get({ timeout: 20 }).catch(() => undefined);
    return id;
  });
  /** In words that are the same on both sides. */
  const said = (told: Told): unknown =>
    JSON.parse(
      JSON.stringify(comparable(told))
        .replaceAll(/"(ts|py)\./g, '"')
        .replaceAll(/(ours|python)-[\w-]{36}/g, 'Q'),
    );

  for (const task of ['add', 'raise'])
    expect(said(await found(ours, `run/ts.${task}`, traceId))).toEqual(said(await found(inPython, `run/py.${task}`, traceId)));
  const { stdout } = await run((await pythonVenv('opentelemetry')).python, ['traced.py', ourQueue, 'ts.leaf'], { cwd, env });
  const theirs = pythons(stdout).find(({ span }) => span === 'apply_async/ts.leaf');
  await app.sendTask('ts.leaf', [], { queue: ourQueue, ignoreResult: true });
  const own = ours().findLast(({ span }) => span === 'apply_async/ts.leaf');
  expect(theirs).toBeDefined();
  expect(Object.keys(own?.attributes ?? {}).toSorted()).toEqual(Object.keys(theirs?.attributes ?? {}).toSorted());
});
