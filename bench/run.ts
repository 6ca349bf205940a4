/**
 * `npm run bench`: drain, publish and round-trip rates against raw amqplib and Python Celery, on one RabbitMQ, in one run.
 * Rounds are interleaved and the median is reported: the machine is noisy, so only ratios within a run mean anything.
 * Prefetch 200 and one ack a message on both sides. Writes `bench/results/latest.json`.
 *
 * BENCH_ROUNDS (5), BENCH_MESSAGES (20000), BENCH_PYTHON_MESSAGES (4000), BENCH_CELERY (5.7.0), BENCH_ONLY (a pattern of names; all).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pythonVenv, rabbitmq, redis } from '../test/servers.ts';
import type { CeleryVersion } from '../test/servers.ts';
import { fillQueue, purgeQueues } from './broker.ts';
import { measureCodecs } from './codec.ts';
import { measureReady } from './ready.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const messages = Number(process.env['BENCH_MESSAGES'] ?? 20_000);
const pythonMessages = Number(process.env['BENCH_PYTHON_MESSAGES'] ?? 4_000);
const only = new RegExp(process.env['BENCH_ONLY'] ?? '');
const poolMessages = Math.min(messages, 10_000);
const cpuMessages = Math.min(pythonMessages, 1_500);
const celeryVersion = (process.env['BENCH_CELERY'] ?? '5.7.0') as CeleryVersion;
const here = fileURLToPath(new URL('.', import.meta.url));

await using broker = await rabbitmq();
await using store = await redis();
const python = await pythonVenv(celeryVersion);

const base = { ...process.env, BENCH_BROKER: broker.url, BENCH_REDIS: store.url, PYTHONPATH: here };

interface Contender {
  readonly name: string;
  readonly count: number;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Messages waiting in the queue `bench` before it starts. */
  readonly prefill: boolean;
  /** What those messages call; `bench.noop` by default. */
  readonly task?: string;
}

const node = (script: string): string[] => [process.execPath, `${here}${script}`];
const py = (what: string): string[] => [python.python, `${here}celery_side.py`, what];

const contenders: readonly Contender[] = [
  { name: 'drain raw amqplib', count: messages, command: node('drain-raw.ts'), env: {}, prefill: true },
  { name: 'drain tq-bridge, results off', count: messages, command: node('drain-worker.ts'), env: { BENCH_RESULTS: '' }, prefill: true },
  {
    name: 'drain tq-bridge, results off, events on',
    count: messages,
    command: node('drain-worker.ts'),
    env: { BENCH_RESULTS: '', BENCH_EVENTS: '1' },
    prefill: true,
  },
  {
    name: 'drain tq-bridge, redis results',
    count: messages,
    command: node('drain-worker.ts'),
    env: { BENCH_RESULTS: store.url },
    prefill: true,
  },
  { name: 'drain celery -c 2, results off', count: pythonMessages, command: py('drain'), env: { BENCH_RESULTS: '' }, prefill: true },
  {
    name: 'drain celery -c 2, redis results',
    count: pythonMessages,
    command: py('drain'),
    env: { BENCH_RESULTS: store.url },
    prefill: true,
  },
  ...['prefork', 'threads'].flatMap((pool) => [
    {
      name: `drain ${pool} -c 2, results off`,
      count: poolMessages,
      command: node('drain-pool.ts'),
      env: { BENCH_POOL: pool },
      prefill: true,
    },
    {
      name: `cpu ${pool} -c 2`,
      count: cpuMessages,
      command: node('drain-pool.ts'),
      env: { BENCH_POOL: pool },
      prefill: true,
      task: 'bench.cpu',
    },
  ]),
  { name: 'cpu celery -c 2', count: cpuMessages, command: py('drain'), env: { BENCH_RESULTS: '' }, prefill: true, task: 'bench.cpu' },
  { name: 'publish raw amqplib', count: messages, command: node('publish-raw.ts'), env: {}, prefill: false },
  { name: 'publish tq-bridge', count: messages, command: node('publish-client.ts'), env: {}, prefill: false },
  { name: 'publish celery delay', count: pythonMessages, command: py('publish'), env: {}, prefill: false },
];

const rates = new Map<string, number[]>();
const starts = new Map<string, number[]>();
for (let round = 1; round <= rounds; round += 1) {
  for (const contender of contenders.filter(({ name }) => only.test(name))) {
    await purgeQueues(broker.url);
    if (contender.prefill) await fillQueue(broker.url, contender.count, contender.task);
    const { rate } = await runContender(contender);
    rates.set(contender.name, [...(rates.get(contender.name) ?? []), rate]);
    process.stderr.write(`round ${round}/${rounds}  ${contender.name.padEnd(34)} ${Math.round(rate)}/s\n`);
  }
  await purgeQueues(broker.url);
  for (const [name, ms] of Object.entries(only.test('ready') ? await measureReady(python.python, base) : {})) {
    starts.set(name, [...(starts.get(name) ?? []), ms]);
    process.stderr.write(`round ${round}/${rounds}  ready: ${name.padEnd(27)} ${ms} ms\n`);
  }
}
await purgeQueues(broker.url);
const trip = await runContender({ name: 'round trip', count: 2_000, command: node('round-trip.ts'), env: {}, prefill: false });
await purgeQueues(broker.url);
await fillQueue(broker.url, 1_000, 'bench.sleep');
const sleepers = await runContender({ name: '1,000 sleeps', count: 1_000, command: node('sleepers.ts'), env: {}, prefill: true });

const rate = (name: string): number => median(rates.get(name) ?? []);
const ratio = (over: string, under: string): number => Number((rate(over) / rate(under)).toFixed(2));
const report = {
  celery: celeryVersion,
  node: process.versions.node,
  rounds,
  prefetch: 200,
  perSecond: Object.fromEntries([...rates.keys()].map((name) => [name, Math.round(rate(name))])),
  ratios: {
    'drain, results off / raw amqplib': ratio('drain tq-bridge, results off', 'drain raw amqplib'),
    'drain, results off / celery -c 2': ratio('drain tq-bridge, results off', 'drain celery -c 2, results off'),
    'drain, events on / off': ratio('drain tq-bridge, results off, events on', 'drain tq-bridge, results off'),
    'drain, redis results / raw amqplib': ratio('drain tq-bridge, redis results', 'drain raw amqplib'),
    'drain, redis results / celery -c 2': ratio('drain tq-bridge, redis results', 'drain celery -c 2, redis results'),
    'prefork -c 2, results off / celery -c 2': ratio('drain prefork -c 2, results off', 'drain celery -c 2, results off'),
    'threads -c 2, results off / celery -c 2': ratio('drain threads -c 2, results off', 'drain celery -c 2, results off'),
    'prefork -c 2, cpu / celery -c 2': ratio('cpu prefork -c 2', 'cpu celery -c 2'),
    'threads -c 2, cpu / celery -c 2': ratio('cpu threads -c 2', 'cpu celery -c 2'),
    'publish / raw amqplib': ratio('publish tq-bridge', 'publish raw amqplib'),
    'publish / celery delay': ratio('publish tq-bridge', 'publish celery delay'),
  },
  sleeps: { together: sleepers.together, peakMb: sleepers.peakMb },
  readyMs: Object.fromEntries([...starts].map(([name, list]) => [name, median(list)])),
  roundTripMs: { p50: trip.p50, p99: trip.p99 },
  codec: await measureCodecs(celeryVersion),
};
mkdirSync(`${here}results`, { recursive: true });
writeFileSync(`${here}results/latest.json`, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report, null, 2));

interface Measured {
  readonly rate: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly together?: number;
  readonly peakMb?: number;
}

/** Runs one contender in a process of its own; its last stdout line is the measurement. */
async function runContender(contender: Contender): Promise<Measured> {
  const [program = '', ...args] = contender.command;
  const child = spawn(program, args, {
    env: { ...base, ...contender.env, BENCH_COUNT: String(contender.count) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  const text = Buffer.concat(output).toString();
  if (code !== 0) throw new Error(`${contender.name} ended with ${code}: ${text}`);
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Measured;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
