/** Plays a scenario on one side, and says what became of its tasks. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../../test/servers.ts';
import type { FaultCase } from './case.ts';
import { figuresOf, readLedger } from './ledger.ts';
import type { Figures } from './ledger.ts';
import type { Rack } from './rack.ts';
import type { Side } from './side.ts';
import { Stage } from './stage.ts';

/** One side of a case, measured. */
export interface Outcome {
  readonly figures: Figures;
  readonly notes: readonly string[];
  /** What ours did not hold to. */
  readonly broken: readonly string[];
  /** What the workers printed and the tasks wrote, for whoever looks into it. */
  readonly output: string;
}

/** Seconds within which a task runs once the fault is over. */
const PROBE_SECONDS = 10;
/** Nothing more comes when nothing has come for so long. */
const QUIET_MS = 2500;
const SETTLE_MS = 20_000;
/** How long TERM may take. */
const END_MS = 30_000;
/** What no worker of ours may print: code that nobody caught. */
const STRAY = /uncaught|unhandled|Unrecoverable|^\s+at .*\n\nNode\.js v/im;

/** A scenario of Python's that does not come to its end is told, ours is broken by it. */
export async function playOn(given: FaultCase, side: Side, rack: Rack): Promise<Outcome> {
  await using stage = await Stage.open(given, side, rack);
  try {
    await given.play(stage);
  } catch (error) {
    stage.fail(error instanceof Error ? error.message : String(error));
  }
  stage.heal();
  await look(stage);
  const entries = readLedger(stage.ledger);
  const waiting = await stage.place.drain(stage.queue);
  const states = await Promise.all(stage.sent.map(async (id) => [id, await stage.state(id)] as const));
  const failed = new Set(states.filter(([, state]) => state === 'FAILURE').map(([id]) => id));
  const figures = figuresOf(stage.sent, entries, waiting, failed);
  judge(stage, given, figures, rack.canary);
  const printed = stage.workers.map(({ child }) => child.output());
  const output = [...printed, ...entries.map(({ id, what, pid }) => `ledger: ${id} ${what} ${pid}`)].join('\n');
  return { figures, notes: stage.notes, broken: stage.broken, output };
}

/** Sees whether the worker still works, waits until it has nothing more to do, and ends it. */
async function look(stage: Stage): Promise<void> {
  const last = stage.workers.at(-1);
  if (last === undefined) return;
  if (!last.child.exited() && !last.meant) {
    const seconds = await stage.probe(PROBE_SECONDS);
    if (seconds !== undefined) await settled(stage);
    else if (!last.child.exited()) stage.fail(`no task runs within ${PROBE_SECONDS} s after the fault`);
  }
  if (last.child.exited() && !last.meant) stage.fail(`the worker ended by itself with ${await last.child.exitCode}`);
  for (const { child } of stage.workers) await end(stage, child);
}

/** Ends a worker that lives: what it has in hand is in the queue before that is counted. */
async function end(stage: Stage, child: Child): Promise<void> {
  if (child.exited()) return;
  process.kill(child.pid, 'SIGTERM');
  const code = await Promise.race([child.exitCode, sleep(END_MS, 'no end' as const)]);
  if (code !== 0) stage.fail(`TERM ends the worker with ${code}`);
  if (code === 'no end') await child.stop('SIGKILL');
}

/** Resolves when every task has run, or nothing has happened for a while. */
async function settled(stage: Stage): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  let seen = -1;
  let since = performance.now();
  while (performance.now() < deadline && performance.now() - since < QUIET_MS) {
    const entries = readLedger(stage.ledger);
    const done = new Set(entries.filter(({ what }) => what === 'end').map(({ id }) => id));
    const open = entries.filter(({ what }) => what === 'start').length - entries.filter(({ what }) => what === 'end').length;
    if (open === 0 && stage.sent.every((id) => done.has(id))) return;
    if (entries.length !== seen) since = performance.now();
    seen = entries.length;
    await sleep(50);
  }
}

/** What every case is held to. */
function judge(stage: Stage, given: FaultCase, figures: Figures, canary: string): void {
  const { lost = 0, duplicated = 0 } = given.most ?? {};
  // Python's figures stand in its column.
  if (stage.side === 'python') return;
  if (figures.lost > lost) stage.fail(`${figures.lost} lost, at most ${lost} may be`);
  if (figures.duplicated > duplicated) stage.fail(`${figures.duplicated} duplicated, at most ${duplicated} may be`);
  for (const { child } of stage.workers) {
    const output = child.output();
    const stray = given.strayErrors === true ? null : STRAY.exec(output);
    if (stray !== null) stage.fail(`it prints ${stray[0]}`);
    if (output.includes(canary)) stage.fail('it prints a password');
  }
}
