import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'corpus');

/** The inputs kept for a target: each runs code that those before it do not. */
export function corpusOf(name: string): Uint8Array[] {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, 'utf8')) as string[]).map((text) => Buffer.from(text, 'base64'));
}

/** Replaces the inputs kept for a target. */
export function keepCorpus(name: string, inputs: readonly Uint8Array[]): void {
  const texts = inputs.map((bytes) => Buffer.from(bytes).toString('base64'));
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(texts, undefined, 1)}\n`);
}
