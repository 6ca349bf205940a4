/**
 * Rates of the `auth` serializer, signing and verifying one typical task body, here and in Celery, in one run: RSA of 2048
 * bits, SHA-256. Rounds are interleaved and the median is reported. `node bench/auth-codec.ts`, or `authRates()`.
 *
 * BENCH_ROUNDS (5), BENCH_SECONDS (1), BENCH_CELERY (5.7.0).
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Celery } from '../src/celery.ts';
import { KeyFolder } from '../test/certificates.ts';
import type { Signing } from '../test/certificates.ts';
import { pythonVenv } from '../test/servers.ts';
import type { CeleryVersion } from '../test/servers.ts';

/** Bodies a second. */
export interface AuthRates {
  readonly sign: number;
  readonly verify: number;
}

const BODY = [
  [2, 'order-4711', { customer: 'zażółć', lines: [1, 2, 3] }],
  { retry: false },
  { callbacks: null, errbacks: null, chain: null, chord: null },
];
const run = promisify(execFile);

function rate(step: () => unknown, seconds: number): number {
  step();
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < seconds * 1000; count += 10) for (let index = 0; index < 10; index += 1) step();
  return (count * 1000) / (performance.now() - start);
}

function ourRates(settings: Signing, seconds: number): AuthRates {
  const app = new Celery('bench', { broker_url: 'memory://', ...settings });
  app.setupSecurity();
  const auth = app.serializers.byName('auth');
  const signed = auth.encode(BODY);
  return { sign: rate(() => auth.encode(BODY), seconds), verify: rate(() => auth.decode(signed), seconds) };
}

async function pythonRates(python: string, settings: Signing, seconds: number): Promise<AuthRates> {
  const script = fileURLToPath(new URL('auth_side.py', import.meta.url));
  const { security_key: key, security_certificate: cert, security_cert_store: store } = settings;
  const { stdout } = await run(python, [script, key, cert, store, JSON.stringify(BODY), String(seconds)]);
  return JSON.parse(stdout) as AuthRates;
}

const median = (rates: readonly AuthRates[], what: keyof AuthRates): number =>
  rates.map((item) => item[what]).toSorted((a, b) => a - b)[rates.length >> 1] ?? 0;

/** The medians of some rounds on both sides. */
export async function authRates(version: CeleryVersion, rounds: number, seconds: number): Promise<Record<'ours' | 'celery', AuthRates>> {
  using keys = new KeyFolder();
  const settings = keys.add('bench');
  const { python } = await pythonVenv(version);
  const ours: AuthRates[] = [];
  const celery: AuthRates[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(ourRates(settings, seconds));
    celery.push(await pythonRates(python, settings, seconds));
  }
  const medians = (rates: readonly AuthRates[]): AuthRates => ({ sign: median(rates, 'sign'), verify: median(rates, 'verify') });
  return { ours: medians(ours), celery: medians(celery) };
}

if (import.meta.main) {
  const { env } = process;
  const version = (env['BENCH_CELERY'] ?? '5.7.0') as CeleryVersion;
  const { ours, celery } = await authRates(version, Number(env['BENCH_ROUNDS'] ?? 5), Number(env['BENCH_SECONDS'] ?? 1));
  for (const what of ['sign', 'verify'] as const)
    console.log(
      `auth ${what.padEnd(6)} ${ours[what].toFixed(0)}/s, Celery ${celery[what].toFixed(0)}/s: ${(ours[what] / celery[what]).toFixed(2)} ×`,
    );
}
