/** The outcomes of a run: collected in `.cache/interop-matrix.json`, printed as a table. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { Direction, Place, Row } from './stages/stage.ts';
import { holes, placeName, places, rows } from './stages/stage.ts';
import type { Hole } from './stages/stage.ts';

const cacheFolder = resolve(import.meta.dirname, '../.cache');
const cacheFile = join(cacheFolder, 'interop-matrix.json');

/** What came of one case on one stage. A `hole` is a case that failed as `matrix.json` says it must. */
export interface Outcome extends Place {
  readonly direction: Direction;
  readonly row: Row;
  readonly cell: string;
  readonly outcome: 'pass' | 'fail' | 'hole';
}

/** The outcomes of earlier runs at places that `matrix.json` names. */
export async function collected(): Promise<readonly Outcome[]> {
  const all = JSON.parse(await readFile(cacheFile, 'utf8').catch(() => '[]')) as Outcome[];
  return all.filter((item) => places.some(({ celery, on }) => celery === item.celery && on === item.on));
}

/** Adds a suite's outcomes to the collection and prints them. */
export async function report(outcomes: readonly Outcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  const key = (item: Outcome): string => [item.direction, item.row, item.cell, item.celery, item.on].join('|');
  const fresh = new Set(outcomes.map(key));
  const all = [...(await collected()).filter((item) => !fresh.has(key(item))), ...outcomes];
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(cacheFile, `${JSON.stringify(all, undefined, 2)}\n`);
  const directions = [...new Set(outcomes.map((item) => item.direction))];
  for (const direction of directions) console.log(`${table(outcomes, direction)}\n`);
  console.log(holeLines().join('\n'));
}

/** A Markdown table of one direction: a line per cell, a column per place, in it the rows that pass. */
export function table(outcomes: readonly Outcome[], direction: Direction): string {
  const mine = outcomes.filter((item) => item.direction === direction);
  const columns = places.filter((place) => mine.some((item) => samePlace(item, place)));
  const cells = [...new Set([...mine, ...holes.filter((hole) => hole.direction === direction)].flatMap(({ cell }) => cell ?? []))];
  const lines = cells.map((cell) => {
    const texts = columns.map((place) => cellText(mine.filter((item) => item.cell === cell && samePlace(item, place))));
    return `| ${[cell, ...texts].join(' | ')} |`;
  });
  return [`| ${direction} | ${columns.map(placeName).join(' | ')} |`, `|${' --- |'.repeat(columns.length + 1)}`, ...lines].join('\n');
}

function samePlace(one: Place, other: Place): boolean {
  return one.celery === other.celery && one.on === other.on;
}

/** Backends name their rows shortly: each has one. */
function cellText(items: readonly Outcome[]): string {
  if (items.length === 0) return 'hole';
  const ordered = rows.flatMap((row) => items.filter((item) => item.row === row));
  return ordered.map(({ row, outcome }) => (outcome === 'pass' ? '' : `${outcome}: `) + (row.split('+')[1] ?? row)).join(', ');
}

/** One Markdown item per hole. */
export function holeLines(): readonly string[] {
  return holes.map((hole) => `- ${holeName(hole)}: ${hole.reason}`);
}

/** Where a hole lies, in words. */
export function holeName(hole: Hole): string {
  const { direction, row, cell, celery, on } = hole;
  const place = [celery === undefined ? [] : [`Celery ${celery}`], on === undefined || on === 'host' ? [] : [on]].flat();
  return [cell, direction, row, ...place].filter((part) => part !== undefined).join(', ');
}
