/** Child processes with a process group of their own: ready detection, output kept for errors, clean stop. */

import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** A running child. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Goes away as the reader of its output. */
  closeOutput(): void;
  /** Everything it printed so far, on both streams (last 64 KiB). */
  output(): string;
  exited(): boolean;
  /** Resolves with its exit code, `null` after a signal. */
  readonly exitCode: Promise<number | null>;
  /** Resolves as soon as its output satisfies the condition. */
  until(condition: (output: string) => boolean): Promise<void>;
  /** Sends `signal` to its process group, waits, and kills the group after `graceMs`. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

/** How to start a child and when it counts as ready. */
export interface SpawnOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ready when the output matches. */
  readonly readyText?: RegExp;
  /** Ready when this resolves to true; asked again after a short growing pause. */
  readonly probe?: () => Promise<boolean>;
  /** Milliseconds until start counts as failed. */
  readonly timeoutMs?: number;
}

const live = new Set<number>();
process.once('exit', () => {
  for (const pid of live) signalGroup(pid, 'SIGKILL');
});

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}

function wrap(child: ChildProcessByStdio<Writable, Readable, Readable>, pid: number): Child {
  let text = '';
  let ended = false;
  const checks = new Set<() => void>();
  const until = (condition: (output: string) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition(text)) return;
        checks.delete(check);
        resolve();
      };
      checks.add(check);
      check();
    });
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-65_536);
    for (const check of checks) check();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  live.add(pid);
  const exit = once(child, 'exit').then(([code]: unknown[]) => {
    ended = true;
    live.delete(pid);
    return typeof code === 'number' ? code : null;
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<void> => {
    if (!ended) {
      signalGroup(pid, signal);
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      await exit;
      clearTimeout(timer);
    }
    signalGroup(pid, 'SIGKILL');
  };
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    closeOutput: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    output: () => text,
    exited: () => ended,
    exitCode: exit,
    until,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Starts `command` and resolves when it is ready. Throws an `Error` with its output when it exits or never gets there. */
export async function spawnReady(command: string, options: SpawnOptions = {}): Promise<Child> {
  const raw = spawn(command, [...(options.args ?? [])], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const failure = new Promise<never>((_resolve, reject) => raw.once('error', reject));
  failure.catch(() => undefined);
  if (raw.pid === undefined) return failure;
  const child = wrap(raw, raw.pid);
  const deadline = performance.now() + (options.timeoutMs ?? 60_000);
  let pause = 20;
  while (!(await isReady(child, options))) {
    if (child.exited() || performance.now() > deadline) {
      await child.stop('SIGKILL');
      throw new Error(`${command} did not get ready:\n${child.output()}`);
    }
    await delay(pause);
    pause = Math.min(pause * 1.5, 500);
  }
  return child;
}

async function isReady(child: Child, options: SpawnOptions): Promise<boolean> {
  if (options.readyText !== undefined && !options.readyText.test(child.output())) return false;
  return options.probe === undefined || (!child.exited() && (await options.probe()));
}
