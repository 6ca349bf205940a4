/** What the last runs gave, in `.cache/faults.json`, and what the workers printed, in `.cache/faults`. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Figures } from './ledger.ts';
import type { Side } from './side.ts';

const folder = resolve(import.meta.dirname, '../../.cache/faults');
const file = `${folder}.json`;

/** One side of a case as it went. */
export interface Measured {
  readonly figures: Figures;
  readonly notes: readonly string[];
}

/** A case as it went. */
export type Row = Readonly<Record<Side['name'], Measured>>;

/** By the ids of the cases. */
export function recorded(): Record<string, Row> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Row>;
  } catch {
    return {};
  }
}

/** Keeps what came of a case beside the others. */
export function record(id: string, { ours, python }: Readonly<Record<Side['name'], Measured & { readonly output: string }>>): void {
  mkdirSync(folder, { recursive: true });
  const row: Record<string, Measured> = {};
  for (const [side, { figures, notes, output }] of Object.entries({ ours, python })) {
    row[side] = { figures, notes };
    writeFileSync(`${folder}/${id}-${side}.log`, output);
  }
  writeFileSync(file, `${JSON.stringify({ ...recorded(), [id]: row }, undefined, 2)}\n`);
}

/** `sent / executed / lost / duplicated`. */
export function figuresText({ sent, executed, lost, duplicated }: Figures): string {
  return [sent, executed, lost, duplicated].join(' / ');
}

/** What does not show in the four figures. */
export function notesOf({ figures: { failed, waiting }, notes }: Measured): string[] {
  return [
    ...(failed === 0 ? [] : [`${failed} ended in FAILURE`]),
    ...(waiting === 0 ? [] : [`${waiting} left in the queue`]),
    ...new Set(notes),
  ];
}
