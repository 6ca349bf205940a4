/**
 * `npm run fuzz`: inputs that run code no input before has run are kept and changed further. Progress goes to stderr, one
 * JSON summary to stdout; exit 1 when a decoder threw something else than its own errors, or took too long.
 *
 * TQ_FUZZ=json,task picks targets; TQ_FUZZ_SECONDS (20) is for each; TQ_FUZZ_SEED (1) makes other inputs; TQ_FUZZ_KEEP=1
 * writes what was found to test/fuzz/corpus.
 */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { corpusOf, keepCorpus } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { mutate, randomFrom } from './mutate.ts';
import { fault, targets } from './targets.ts';
import type { Target } from './targets.ts';

const BATCH = 32;
const MOST_FINDINGS = 10;

interface Summary {
  readonly executions: number;
  readonly edges: number;
  readonly corpus: number;
  readonly findings: readonly { readonly input: string; readonly fault: string }[];
}

class Fuzzer {
  readonly #target: Target;
  readonly #coverage: Coverage;
  readonly #random: (below: number) => number;
  readonly #inputs: Uint8Array[];
  readonly #findings = new Map<string, string>();
  #executions = 0;

  constructor(target: Target, coverage: Coverage, seed: number) {
    this.#target = target;
    this.#coverage = coverage;
    this.#random = randomFrom(seed);
    this.#inputs = [...target.seeds, ...corpusOf(target.name), new Uint8Array()];
  }

  async run(seconds: number): Promise<Summary> {
    for (const input of this.#inputs) this.#try(input);
    await this.#coverage.take();
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until && this.#findings.size < MOST_FINDINGS) await this.#batch();
    const edges = this.#coverage.edges;
    const corpus = await this.#smallest();
    if (process.env['TQ_FUZZ_KEEP'] === '1') keepCorpus(this.#target.name, corpus);
    const findings = [...this.#findings].map(([text, input]) => ({ input, fault: text }));
    return { executions: this.#executions, edges, corpus: corpus.length, findings };
  }

  /** Asking what has run costs more than running: it is asked for many inputs at once, and for each when there was something new. */
  async #batch(): Promise<void> {
    const batch = Array.from({ length: BATCH }, () => mutate(this.#any(), this.#any(), this.#random));
    for (const input of batch) this.#try(input);
    if ((await this.#coverage.take()) === 0) return;
    this.#inputs.push(...batch.filter((input) => input.length > 0));
    // Only some of them were new: the last step sorts that out; until then no more than a few thousand are kept.
    if (this.#inputs.length > 4000) this.#inputs.splice(0, this.#inputs.length, ...(await this.#smallest()));
  }

  /** Inputs that together run all that was run, the shortest first. */
  async #smallest(): Promise<Uint8Array[]> {
    this.#coverage.forget();
    await this.#coverage.take();
    this.#coverage.forget();
    const kept: Uint8Array[] = [];
    for (const input of this.#inputs.toSorted((one, other) => one.length - other.length)) {
      this.#try(input);
      if ((await this.#coverage.take()) > 0) kept.push(input);
    }
    return kept;
  }

  #any(): Uint8Array {
    return this.#inputs[this.#random(this.#inputs.length)] ?? new Uint8Array();
  }

  #try(input: Uint8Array): void {
    this.#executions += 1;
    const found = fault(this.#target, input);
    if (found === undefined) return;
    const key = found.replaceAll(/\d+/g, '#');
    if (!this.#findings.has(key)) this.#findings.set(key, Buffer.from(input).toString('base64'));
  }
}

const chosen = process.env['TQ_FUZZ']?.split(',') ?? targets.map(({ name }) => name);
const unknown = chosen.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0)
  throw new Error(`no target is called ${unknown.join(', ')}; there is ${targets.map(({ name }) => name).join(', ')}`);
const seconds = Number(process.env['TQ_FUZZ_SECONDS'] ?? 20);
const summaries: Record<string, Summary> = {};
const coverage = new Coverage(pathToFileURL(join(import.meta.dirname, '../../src')).href);
await coverage.start();
const before = process.memoryUsage.rss();
for (const target of targets.filter(({ name }) => chosen.includes(name))) {
  coverage.forget();
  const summary = await new Fuzzer(target, coverage, Number(process.env['TQ_FUZZ_SEED'] ?? 1)).run(seconds);
  summaries[target.name] = summary;
  process.stderr.write(`${target.name}: ${summary.executions} runs, ${summary.edges} edges, ${summary.findings.length} findings\n`);
}
coverage.stop();
console.log(JSON.stringify({ summaries, rssGrowthMb: Math.round((process.memoryUsage.rss() - before) / 1e6) }, undefined, 2));
if (Object.values(summaries).some(({ findings }) => findings.length > 0)) process.exitCode = 1;
