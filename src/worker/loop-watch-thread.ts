/** The thread that watches the worker's event loop: it does not turn while `ticks` stands still. */
import { writeSync } from 'node:fs';
import { Session, url } from 'node:inspector';
import type { Debugger } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is given. */
export interface WatchData {
  /** Counts turns of the watched loop, one each `tickMs`. */
  readonly ticks: Int32Array;
  readonly tickMs: number;
  /** How long it may stand still. */
  readonly seconds: number;
  /** An expression that tells in the blocked code whose code it is. */
  readonly question: string;
}

/** A time in which the loop did not turn. `task` and `where` are empty where the code could not be asked. */
export interface BlockedLoop {
  readonly seconds: number;
  readonly task: string;
  readonly where: string;
}

type Suspect = Pick<BlockedLoop, 'task' | 'where'>;

const UNKNOWN: Suspect = { task: '', where: '' };

/** So many times the limit until the line does not wait for the end. */
const PATIENCE = 10;

const { ticks, tickMs, seconds, question } = workerData as WatchData;
let seen = Atomics.load(ticks, 0);
let sinceMs = performance.now();
let suspect: Suspect | undefined;
let isSaid = false;

setInterval(() => {
  const now = Atomics.load(ticks, 0);
  const stood = (performance.now() - sinceMs) / 1000;
  if (now !== seen) {
    if (suspect !== undefined) parentPort?.postMessage({ seconds: stood, ...suspect } satisfies BlockedLoop);
    [seen, sinceMs, suspect, isSaid] = [now, performance.now(), undefined, false];
  } else if (suspect === undefined && stood > seconds) {
    suspect = UNKNOWN;
    ask(now);
  } else if (stood > seconds * PATIENCE && !isSaid) {
    isSaid = true;
    const { task, where } = suspect ?? UNKNOWN;
    // The log belongs to the thread that is blocked.
    writeSync(
      2,
      `[WARNING/LoopWatch] The event loop has been blocked for ${stood.toFixed(1)} s${task && ` by task ${task}`}${where && ` at ${where}`}\n`,
    );
  }
}, tickMs);

/** Interrupts the blocked code once and asks it; a debugger that is attached already is left alone. */
function ask(when: number): void {
  if (url() !== undefined) return;
  const session = new Session();
  session.connectToMainThread();
  const files = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url: file } }) => files.set(scriptId, file));
  session.on('Debugger.paused', ({ params: { callFrames } }) => {
    const [frame] = callFrames;
    const release = (): void => {
      session.post('Debugger.resume');
      session.post('Debugger.disable');
      session.disconnect();
    };
    // Too late: whatever was interrupted is not what blocked.
    if (frame === undefined || Atomics.load(ticks, 0) !== when) return release();
    session.post('Debugger.evaluateOnCallFrame', { callFrameId: frame.callFrameId, expression: question }, (error, answer) => {
      const task: unknown = error === null ? answer.result.value : '';
      suspect = { task: typeof task === 'string' ? task : '', where: placeOf(callFrames, files) };
      release();
    });
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

/** The innermost code that is not Node's own. */
function placeOf(frames: readonly Debugger.CallFrame[], files: ReadonlyMap<string, string>): string {
  const fileOf = ({ location }: Debugger.CallFrame): string => files.get(location.scriptId) ?? '';
  const frame = frames.find((one) => !fileOf(one).startsWith('node:')) ?? frames[0];
  return frame === undefined ? '' : `${frame.functionName || '<anonymous>'} (${fileOf(frame)}:${frame.location.lineNumber + 1})`;
}
