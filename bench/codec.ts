/**
 * How fast messages are encoded and decoded: every serializer and compression of an app against plain JSON.stringify and
 * JSON.parse of the same value and Buffer, and against kombu, in one run. Rounds are interleaved, medians reported.
 * `npm run bench` has it in its report; `node bench/codec.ts` prints it alone.
 *
 * BENCH_ROUNDS (5), BENCH_CODEC_SECONDS (0.2) for each figure, BENCH_CELERY (5.7.0).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Celery } from 'tq-bridge';
import type { Compressor } from '../src/message/compression.ts';
import { pythonVenv } from '../test/servers.ts';
import type { CeleryVersion } from '../test/servers.ts';
import { authRates } from './auth-codec.ts';

/** Operations per second. */
export interface Rates {
  readonly encode: number;
  readonly decode: number;
}

/** What `bench/results/latest.json` says about codecs. */
export interface CodecReport {
  readonly perSecond: Readonly<Record<string, Rates>>;
  /** Ours over plain JSON, and ours over kombu's. */
  readonly ratios: Readonly<Record<string, Rates>>;
  /** Whether PyYAML has its C library. kombu calls `safe_load`, which does not use it. */
  readonly libyaml: boolean;
}

/** The body of an ordinary task. */
const VALUE = [
  ['order-4711', 42, 19.99, true, null, ['a', 'b'], { sku: 'ABC-1', qty: 3, tags: ['new', 'sale'], note: 'zażółć gęślą' }],
  { user_id: 12_345, email: 'ada@example.org', retry: false },
  { callbacks: null, errbacks: null, chain: null, chord: null },
];

/** Bodies of so many tasks show what a compression does; of one, what it costs to begin. */
const LARGE = 200;

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const seconds = Number(process.env['BENCH_CODEC_SECONDS'] ?? 0.2);

/** Measures all of it beside one release of Celery. Throws `ImproperlyConfiguredError` without the optional packages. */
export async function measureCodecs(version: CeleryVersion): Promise<CodecReport> {
  const { python } = await pythonVenv(version);
  const ours = contenders();
  const samples = new Map<string, Rates[]>();
  const add = (name: string, rates: Rates): unknown => samples.set(name, [...(samples.get(name) ?? []), rates]);
  let libyaml = false;
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, { encode, decode }] of ours) add(name, { encode: rate(encode), decode: rate(decode) });
    const theirs = await kombuRates(python, ours);
    ({ libyaml } = theirs);
    for (const [name, rates] of Object.entries(theirs.rates)) if ('encode' in rates) add(`kombu ${name}`, rates);
    const { ours: signed, celery } = await authRates(version, 1, seconds);
    add('auth', { encode: signed.sign, decode: signed.verify });
    add('kombu auth', { encode: celery.sign, decode: celery.verify });
    process.stderr.write(`codec round ${round}/${rounds}\n`);
  }
  const perSecond = Object.fromEntries([...samples].map(([name, list]) => [name, medians(list)]));
  return { perSecond, ratios: ratiosOf(perSecond), libyaml };
}

interface Contender {
  readonly encode: () => unknown;
  readonly decode: () => unknown;
}

function contenders(): Map<string, Contender> {
  const app = new Celery('bench');
  const json = Buffer.from(JSON.stringify(VALUE));
  // JSON.parse takes a Buffer for its text; the types do not say so.
  const parse = JSON.parse as unknown as (text: Buffer) => unknown;
  const all = new Map<string, Contender>([['JSON', { encode: () => JSON.stringify(VALUE), decode: () => parse(json) }]]);
  for (const name of app.serializers.names()) {
    if (name === 'raw') continue;
    const serializer = app.serializers.byName(name);
    const bytes = Buffer.from(serializer.encode(VALUE));
    all.set(name, { encode: () => serializer.encode(VALUE), decode: () => serializer.decode(bytes) });
  }
  for (const name of app.compressors.names()) {
    const compressor = app.compressors.byName(name);
    for (const [label, times] of [
      [name, 1],
      [`${name} ${LARGE}`, LARGE],
    ] as const) {
      const body = Buffer.from(JSON.stringify(times === 1 ? VALUE : Array.from({ length: times }, () => VALUE)));
      const packed = packedBy(compressor, body);
      if (packed === undefined) break;
      all.set(label, { encode: () => compressor.compress(body), decode: () => compressor.decompress(packed, 1_000_000) });
    }
  }
  return all;
}

/** Runs it in batches until the time is over. */
function rate(run: () => unknown): number {
  const start = cpuSeconds();
  let count = 0;
  let passed = 0;
  // The clock moves in steps: a batch grows until it is seen to take time.
  for (let batch = 1; passed < seconds; batch = passed > 0 ? Math.ceil((count / passed) * (seconds / 20)) : 2 * batch) {
    for (let index = 0; index < batch; index += 1) run();
    count += batch;
    passed = cpuSeconds() - start;
  }
  return count / passed;
}

/** Time that this thread has computed: a busy machine does not count against who is measured. Python's side takes the same. */
function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

interface KombuRates {
  readonly rates: Readonly<Record<string, Rates | { readonly missing: string }>>;
  readonly libyaml: boolean;
}

async function kombuRates(python: string, ours: ReadonlyMap<string, Contender>): Promise<KombuRates> {
  const compressions = new Celery('bench').compressors.names();
  const serializers = new Celery('bench').serializers.names().filter((name) => ours.has(name));
  const child = spawn(python, [fileURLToPath(new URL('codec_side.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ value: VALUE, seconds, serializers, compressions, large: LARGE }));
  const output: Buffer[] = [];
  for await (const chunk of child.stdout) output.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(output).toString()) as KombuRates;
}

function medians(list: readonly Rates[]): Rates {
  return { encode: Math.round(median(list.map(({ encode }) => encode))), decode: Math.round(median(list.map(({ decode }) => decode))) };
}

function ratiosOf(perSecond: Readonly<Record<string, Rates>>): Record<string, Rates> {
  const ratios: Record<string, Rates> = {};
  const over = (name: string, other: string): void => {
    const [ours, theirs] = [perSecond[name], perSecond[other]];
    if (ours === undefined || theirs === undefined) return;
    ratios[`${name} / ${other}`] = { encode: round(ours.encode / theirs.encode), decode: round(ours.decode / theirs.decode) };
  };
  over('json', 'JSON');
  for (const name of Object.keys(perSecond)) over(name, `kombu ${name}`);
  over('yaml', 'kombu yaml by libyaml');
  return ratios;
}

const round = (value: number): number => Number(value.toFixed(2));

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await measureCodecs((process.env['BENCH_CELERY'] ?? '5.7.0') as CeleryVersion), undefined, 2));
}

/** What it makes of the bytes; `undefined`, with a line, where its package is not whole. */
function packedBy(compressor: Compressor, bytes: Uint8Array): Uint8Array | undefined {
  try {
    return compressor.compress(bytes);
  } catch (error) {
    console.error(`${compressor.name} left out: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`);
    return undefined;
  }
}
